"""Files whose controls are flows of a field, recognised by their keys and refused with a sentence that says what they
are."""

from __future__ import annotations

from collections.abc import Collection

from explorer.errors import ControlError
from explorer.importers.base import Importer, Sketch
from explorer.importers.files import ForeignFile

_WHAT = {
    "PDETraversal": "a potential flow",
    "latent-flow": "a potential flow",
    "WarpedGANSpace": "a flow between radial basis functions",
    "GradCtrl": "a flow along the gradients of classifiers",
}


class Fields(Importer):
    """PDETraversal, latent-flow, WarpedGANSpace, GradCtrl."""

    name = "fields"
    title = "fields"
    spaces = ()

    def claims(self, file: ForeignFile) -> bool:
        return bool(_method(file.state("support_sets", "model", "deformator")))

    def sketch(self, file: ForeignFile) -> Sketch:
        method = _method(file.state("support_sets", "model", "deformator"))
        raise ControlError(
            f"'{file.name}' is {_WHAT[method]} of {method}; this version reads linear and conditional directions only."
        )


def _method(keys: Collection[str]) -> str:
    if "MLP_SET.0.layer_x.weight" in keys:
        return "PDETraversal" if "c" in keys else "latent-flow"
    if {"SUPPORT_SETS", "ALPHAS", "LOGGAMMA"} <= set(keys):
        return "WarpedGANSpace"
    return "GradCtrl" if "classifiers.0.classifier.0.weight" in keys else ""


IMPORTER = Fields()
