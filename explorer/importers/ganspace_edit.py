"""GANSpace (Härkönen et al., NeurIPS 2020): one edit that its window exported, a pickle."""

from __future__ import annotations

from dataclasses import replace

from explorer.errors import ControlError
from explorer.importers.base import Drawn, Importer, Sketch, living, numbers
from explorer.importers.files import ForeignFile
from explorer.importers.ganspace import RANGE, along, without_batch
from explorer.scene.cards import ModelCard

_WHOLE = 1 << 20  # more layers than there are: GANSpace's own "to the end"


class GANSpaceEdit(Importer):
    """Keys ``lat_comp`` (1, d), ``lat_stdev``, ``latent_space`` W or Z, ``edit_start``, ``edit_end`` (excluded)."""

    name = "ganspace"
    title = "GANSpace"

    def claims(self, file: ForeignFile) -> bool:
        return file.kind == "pickle" and {"lat_comp", "latent_space", "edit_type"} <= set(file.keys())

    def sketch(self, file: ForeignFile) -> Sketch:
        said = file.content
        if said["edit_type"] != "latent":
            raise ControlError(
                f"'{file.name}' edits the activations of a layer (edit_type '{said['edit_type']}'), which this version "
                "does not move; export the edit in latent mode."
            )
        space = {"W": "w", "Z": "z"}.get(str(said["latent_space"]))
        if space is None:
            raise ControlError(f"'{file.name}' names the latent space '{said['latent_space']}', not W or Z.")
        components = without_batch(numbers(file, "lat_comp", said["lat_comp"], (2, 3)))
        deviation = numbers(file, "lat_stdev", said.get("lat_stdev", 1.0), (0, 1)).reshape(-1)
        if len(components) != 1 or len(deviation) != 1 or float(deviation) < 0:
            raise ControlError(f"'{file.name}' is damaged: an edit is one component with one deviation.")
        reach = float(numbers(file, "sigma_range", said.get("sigma_range", RANGE), (0,)).abs()) or RANGE
        first, end = (
            _layer(file, said.get(key, default)) for key, default in (("edit_start", 0), ("edit_end", _WHOLE))
        )
        if end <= first:
            raise ControlError(f"'{file.name}' moves the layers from {first} to before {end}, which are none.")
        scaled = along(components, deviation)
        name = str(said.get("name") or "") or f"component {said.get('component_index', 0)}"
        drawn = Drawn(name, scaled[0], "σ", -reach, reach, layers=(first, end - 1))
        found = living(file, [drawn])
        kept = {key: said[key] for key in ("component_index", "example_seed", "model_name") if key in said}
        settings = {key: value for key, value in kept.items() if isinstance(value, bool | int | float | str)}
        return replace(found, space=space, firm=True, settings=settings)

    def fitted(self, sketch: Sketch, model: ModelCard, space: str, file: ForeignFile) -> Sketch:
        """Layers beyond the model's are cut off; an edit of all of them needs no layers."""
        (one,) = sketch.drawn
        first, last = one.layers or (0, _WHOLE)
        count = model.spaces["w_plus"].layers if "w_plus" in model.spaces else 1
        if first == 0 and last >= count - 1:
            return replace(sketch, drawn=(replace(one, layers=None),))
        if sketch.space == "z":
            raise ControlError(
                f"'{file.name}' moves z on the layers {first} to {last} only, which no model here can; its edit of all "
                "layers, or one of w, can be read."
            )
        if first >= count:
            raise ControlError(
                f"'{file.name}' moves the layers {first} to {last}, but '{model.name}' has layers 0 to {count - 1}; "
                "open the model on which they were found."
            )
        return replace(sketch, drawn=(replace(one, layers=(first, min(last, count - 1))),))


def _layer(file: ForeignFile, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ControlError(f"'{file.name}' is damaged: {value!r} is no layer.")
    return value


IMPORTER = GANSpaceEdit()
