"""What goes into an ONNX generator and what comes out: read from its header, before anything is loaded."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

from explorer.errors import ModelError
from explorer.generators.class_labels import LABEL
from explorer.generators.onnx_description import Description, InputDescription, Layout
from explorer.onnx_graphs.header import FLOATS, INT32, INT64, UINT8, Header, Slot, written

LATENTS = ("z", "x_T", "w", "w_plus", "style")
"""Names of spaces that an input keeps; any other that is drawn for a seed is called ``z``."""
LABELS = ("label", "labels", "class", "classes", "class_label", "class_labels", "onehot", "one_hot", "y", "c")
TRUNCATIONS = ("psi", "truncation", "truncation_psi")
RANDOM = (
    "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial",
)  # fmt: skip
MOST_NUMBERS = 1 << 24
"""Of one point of a space."""

Role = Literal["latent", "space", "one-hot", "class", "truncation"]


@dataclass(frozen=True)
class Feed:
    """One input. ``role``: what it is fed with; ``space``: which it is, where it is one; ``shape`` without the batch;
    ``slot``: how the graph takes it; ``about``: how its points lie."""

    slot: Slot
    role: Role
    space: str
    shape: tuple[int, ...]
    about: InputDescription

    @property
    def is_shared(self) -> bool:
        """Whether the graph takes one for all pictures of a batch."""
        return not self.slot.shape


@dataclass(frozen=True)
class Interface:
    """``feeds`` in the order of the spaces. ``shape`` (channels, height, width), with 0 for what only a picture
    shows; ``flat``: pictures come without these dimensions; ``batch``: how many pictures are drawn at once, 0: any."""

    feeds: tuple[Feed, ...]
    output: Slot
    layout: Layout
    shape: tuple[int, int, int]
    flat: bool
    batch: int
    classes: int

    @property
    def latent(self) -> Feed:
        """The input that is drawn for a seed."""
        return next(feed for feed in self.feeds if feed.role == "latent")

    @property
    def is_known(self) -> bool:
        """Whether the shape of pictures is."""
        return all(self.shape)

    def drawing(self, shape: tuple[int, ...]) -> Interface:
        """This one, of which a batch of pictures came in ``shape``."""
        channels, height, width = shape[1:] if self.layout == "NCHW" else (shape[3], *shape[1:3])
        return replace(self, shape=(channels, height, width))


def makes_pictures(header: Header, about: Description) -> str:
    """Why the graph is no generator of pictures, as the end of a sentence; empty where it is one."""
    floats = [one for one in header.inputs if one.kind in FLOATS]
    if not floats:
        return "it takes no numbers in floating point"
    output = _picture(header, about)
    if output is None:
        outputs = ", ".join(one.text for one in header.outputs) or "nothing"
        return f"it makes {outputs}, and no pictures"
    return ""


def _picture(header: Header, about: Description) -> Slot | None:
    """The output that is the picture."""
    chosen = [one for one in header.outputs if not about.output or one.name == about.output]
    for slot in chosen:
        if slot.kind not in (*FLOATS, UINT8) or slot.shape is None:
            continue
        if about.shape is not None or (len(slot.shape) == 4 and _layout(slot.shape, about)):
            return slot
    return None


def _layout(shape: tuple[int, ...], about: Description) -> Layout | None:
    """By where the channels are; None where neither end can be."""
    if about.layout:
        return about.layout
    if shape[1] in (1, 3):
        return "NCHW"
    if shape[3] in (1, 3):
        return "NHWC"
    return "NCHW" if not shape[1] and shape[2:] == (0, 0) else None


def interface_of(path: Path, header: Header, about: Description) -> Interface:
    """How the graph in ``path`` is fed. Raises :class:`ModelError` for what no generator takes or makes."""
    if problem := makes_pictures(header, about):
        raise ModelError(f"'{path.name}' is no generator of pictures: {problem}.")
    if drawn := next((node.operator for node in header.nodes if node.operator in RANDOM), ""):
        raise ModelError(
            f"'{path.name}' draws noise of its own ({drawn}), so that one point has many pictures; export it with "
            "constant noise, or with the noise as an input."
        )
    names = {one.name for one in (*header.inputs, *header.outputs)}
    for name in (about.latent, about.label, about.output, *about.inputs):
        if name and name not in names:
            raise ModelError(f"'{path.name}' has no '{name}', which its description names; it has {', '.join(names)}.")
    output = cast(Slot, _picture(header, about))
    shape = output.shape or ()
    flat = len(shape) != 4
    layout: Layout = about.layout or ("NCHW" if flat else _layout(shape, about) or "NCHW")
    drawn_shape = about.shape or _drawn(shape, layout)
    if drawn_shape[0] not in (0, 1, 3) or math.prod(drawn_shape) > MOST_NUMBERS * 16:
        raise ModelError(f"'{path.name}' makes pictures of shape {written(drawn_shape)}; they have 1 or 3 channels.")
    label = _label(header, about)
    classes = _classes(path, header, about, label)
    feeds = _feeds(path, header, about, label, classes)
    batches = {feed.slot.shape[0] for feed in feeds if feed.slot.shape}
    fixed = sorted(batches - {0})
    if len(fixed) > 1:
        raise ModelError(f"The inputs of '{path.name}' take {fixed[0]} and {fixed[1]} points at once; export it anew.")
    return Interface(feeds, output, layout, drawn_shape, flat, fixed[0] if fixed else 0, classes)


def _drawn(shape: tuple[int, ...], layout: Layout) -> tuple[int, int, int]:
    if layout == "NCHW":
        return shape[1], shape[2], shape[3]
    return shape[3], shape[1], shape[2]


def _label(header: Header, about: Description) -> Slot | None:
    """The input that takes the class."""
    for slot in header.inputs:
        whole = slot.kind in (INT32, INT64)
        one_hot = slot.kind in FLOATS and slot.name.lower() in LABELS and len(slot.shape or ()) == 2
        if slot.name == about.label or (not about.label and (whole or one_hot) and slot.name != about.latent):
            return slot
    return None


def _classes(path: Path, header: Header, about: Description, label: Slot | None) -> int:
    """How many there are to choose from; 0 for an unconditional graph. A graph that takes the number of the class looks
    it up in a table, whose length tells."""
    if label is None:
        return 0
    width = (label.shape or (0,))[-1] if label.kind in FLOATS else 0
    count = about.classes or width or _table(header, label.name)
    if not count:
        raise ModelError(
            f"'{path.name}' takes a class as '{label.name}' and does not say how many there are; write "
            f"{{\"classes\": 10}}, or as many as there are, into '{path.stem}.json' beside it."
        )
    if width and width != count:
        raise ModelError(f"'{path.name}' takes {width} numbers as '{label.name}', and is said to have {count} classes.")
    return count


def _table(header: Header, name: str) -> int:
    """The length of the table in which the input ``name`` is looked up; 0 where it is in none."""
    same = {name}
    lengths = {tensor.name: tensor.shape[0] for tensor in header.tensors if tensor.shape}
    for node in header.nodes:
        if node.operator in ("Cast", "Identity", "Reshape", "Squeeze", "Flatten") and same & {*node.inputs[:1]}:
            same |= set(node.outputs)
        elif node.operator == "Gather" and len(node.inputs) > 1 and node.inputs[1] in same:
            return lengths.get(node.inputs[0], 0)
    return 0


def _feeds(path: Path, header: Header, about: Description, label: Slot | None, classes: int) -> tuple[Feed, ...]:
    floats = [one for one in header.inputs if one.kind in FLOATS and one is not label and not _is_truncation(one)]
    by_name = {one.name: one for one in floats}
    latent = next((by_name[name] for name in (about.latent, *LATENTS, *by_name) if name in by_name), None)
    if latent is None:
        raise ModelError(f"'{path.name}' takes no point that a picture could be drawn of; it is no generator.")
    found = [_space(path, latent, "latent", latent.name if latent.name in LATENTS else "z", about)]
    if label is not None:
        role: Role = "one-hot" if label.kind in FLOATS else "class"
        found.append(Feed(label, role, LABEL, (classes,), InputDescription()))
    taken = {found[0].space, LABEL, "weights"}
    for slot in header.inputs:
        if slot is latent or slot is label:
            continue
        if slot.kind not in FLOATS:
            raise ModelError(
                f"'{path.name}' takes {slot.text}, which is neither a point nor a class; export it without that input."
            )
        if _is_truncation(slot):
            found.append(Feed(slot, "truncation", "", (1,), InputDescription()))
            continue
        name = re.sub(r"\W+", "_", slot.name).strip("_") or "input"
        while name in taken:
            name += "_"
        taken.add(name)
        found.append(_space(path, slot, "space", name, about))
    return tuple(found)


def _is_truncation(slot: Slot) -> bool:
    return slot.name.lower() in TRUNCATIONS and math.prod((slot.shape or ())[1:]) <= 1


def _space(path: Path, slot: Slot, role: Role, space: str, about: Description) -> Feed:
    told = about.inputs.get(slot.name, InputDescription())
    if slot.shape is None and told.shape is None:
        raise ModelError(_open(path, slot))
    inner = (slot.shape or ())[1:]
    shape = told.shape or inner or (1,)
    if 0 in shape:
        raise ModelError(_open(path, slot))
    fits = not inner or (
        len(inner) == len(shape) and all(own in (0, side) for own, side in zip(inner, shape, strict=True))
    )
    if not fits or math.prod(shape) > MOST_NUMBERS:
        raise ModelError(f"'{path.name}' takes {slot.text}, and points of shape {written(shape)} are none of these.")
    if problem := told.problem(slot.name, shape):
        raise ModelError(f"What describes the generator '{path.name}' is not understood: {problem}.")
    return Feed(slot, role, space, shape, told)


def _open(path: Path, slot: Slot) -> str:
    return (
        f"'{path.name}' takes {slot.text} and leaves its shape open; write "
        f'{{"inputs": {{"{slot.name}": {{"shape": [4, 64, 64]}}}}}}, or whatever it is without the batch, into '
        f"'{path.stem}.json' beside it."
    )
