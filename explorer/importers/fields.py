"""Files whose controls are flows of a field that is not read, recognised by their keys and refused with a sentence that
says what they are."""

from __future__ import annotations

from explorer.errors import ControlError
from explorer.importers.base import Importer, Sketch
from explorer.importers.files import ForeignFile


class Fields(Importer):
    """GradCtrl."""

    name = "fields"
    title = "fields"
    spaces = ()

    def claims(self, file: ForeignFile) -> bool:
        return "classifiers.0.classifier.0.weight" in file.state("model")

    def sketch(self, file: ForeignFile) -> Sketch:
        raise ControlError(
            f"'{file.name}' is a flow along the gradients of classifiers of GradCtrl; this version reads linear and "
            "conditional directions only."
        )


IMPORTER = Fields()
