"""GradCtrl (Chen et al., ECCV 2022): the classifiers of its ``model.pth``, with ``model_params.pkl`` beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from explorer.controls.following import Flow
from explorer.errors import ControlError
from explorer.fields.classifier import Classifier, ClassifierField
from explorer.importers import flows
from explorer.importers.base import Drawn, Importer, Sketch, annotation, with_notes
from explorer.importers.files import ForeignFile
from explorer.scene.cards import ModelCard, SettingCard

PARAMETERS = "model_params.pkl"
FILTER, CHANNELS = "filter", "channels"
LENGTH = "length"
REACH, STEPS = 4.0, 9
"""How far the authors' script goes each way, and in how many steps."""

_LAYER = re.compile(
    r"(?:classifiers\.(?P<branch>\d{1,6})\.classifier|shared)\.(?P<layer>\d{1,6})\.(?P<part>weight|bias)"
)


@dataclass(frozen=True)
class _Published:
    """What the authors' script does for one attribute: how many channels of others it holds still, and the layers of
    ``w_plus`` that it moves, first and last included."""

    held: Mapping[str, int]
    layers: tuple[int, int]


_FACES = {
    "gender": _Published({"smile": 250, "eyeglasses": 100, "age": 100}, (2, 9)),
    "smile": _Published({"gender": 200, "eyeglasses": 50, "age": 100}, (2, 7)),
    "eyeglasses": _Published({"gender": 200, "smile": 100, "age": 250}, (1, 3)),
    "age": _Published({"gender": 100, "eyeglasses": 300}, (4, 9)),
}
_OTHERS = _Published({}, (6, 13))  # of its car and cat
_CARS_AND_CATS = (("sky_blue", "grassground", "treesbackground", "hubcap_dense"), ("color",))


class GradCtrl(Importer):
    """``classifiers.{i}.classifier.{0, 2}``: a perceptron an attribute, after layers ``shared.{0, 2 …}`` where it has
    some; its last has one row, or one a class, each of which becomes a control.

    Followed as the authors' script does: w ← w ± 4/9 v / ‖v‖, v the gradient of the probability without the channels
    that move those of other attributes most. :class:`ClassifierField` takes an output of several rows as classes.
    """

    name = "gradctrl"
    title = "GradCtrl"
    spaces = ("w", "z")

    def claims(self, file: ForeignFile) -> bool:
        return "classifiers.0.classifier.0.weight" in file.state("model") or _is_parameters(file)

    def questions(self, file: ForeignFile) -> tuple[SettingCard, ...]:
        if _is_parameters(file):
            return ()
        names = _attributes(file)
        step = SettingCard(
            name=LENGTH, title=f"Length of {STEPS} steps", default=REACH, low=0.0, high=1000.0,
            help=f"How far {STEPS} steps go, which are what the authors' script takes each way.",
        )  # fmt: skip
        if _is_faces(names) and _width(file) > max(max(one.held.values()) for one in _FACES.values()):
            which = SettingCard(
                name=FILTER, title="Channel filter", default="published", choices=("published", "none"),
                help="Whether the channels that move other attributes most are held still, as many as was published.",
            )  # fmt: skip
            return which, step
        if len(names) < 2:
            return (step,)
        held = SettingCard(
            name=CHANNELS, title="Channels held still", default=0, low=0, high=max(0, _width(file) - 1), empty="none",
            help="How many of the channels that move each of the other attributes most are held still.",
        )  # fmt: skip
        return held, step

    def sketch(self, file: ForeignFile) -> Sketch:
        if _is_parameters(file):
            raise ControlError(
                f"'{file.name}' says how the classifiers of GradCtrl are built and holds none; open the model.pth "
                "beside it."
            )
        names = _attributes(file)
        classifiers = _classifiers(file, len(names))
        step = flows.positive(file, LENGTH) / STEPS
        flow = Flow(step, step=1.0, integrator="euler", unit_speed=True)
        drawn: list[Drawn] = []
        for name, classifier in zip(names, classifiers, strict=True):
            held = _held(file, name, names)
            excluded = tuple((classifiers[names.index(other)], count) for other, count in held.items())
            still = ", ".join(f"{count} of {other}" for other, count in held.items())
            details = (
                f"1 step = {step:.3g} along the gradient of its probability, by Euler",
                *((f"channels held still: {still}",) if still else ()),
            )
            for target in range(classifier.classes):
                called = name if classifier.classes == 1 else f"{name} {target}"
                try:
                    field = ClassifierField(classifier, target, excluded)
                except ValueError as error:
                    raise ControlError(f"'{file.name}' cannot be followed: '{called}' has {error}.") from error
                one = flows.drawn(called, field, flow, float(STEPS), details)
                drawn.append(replace(one, layers=_layers(names, name)))
        unknown = (
            () if file.pickle_beside(PARAMETERS) else (f"Its {PARAMETERS} is missing, which names the attributes.",)
        )
        return Sketch(
            tuple(drawn),
            (classifiers[0].width,),
            space="w",
            unknown=unknown,
            note=f"Followed as its authors do: steps of length {step:.3g} along the gradient of a probability. Where a "
            "classifier is certain, that gradient is so small that its direction says little.",
            settings=dict(file.answers),
        )

    def fitted(self, sketch: Sketch, model: ModelCard, space: str, file: ForeignFile) -> Sketch:
        """The layers that the authors move, as far as the model has them, where it is w that is moved."""
        count = model.spaces["w_plus"].layers if "w_plus" in model.spaces else 0
        if not any(one.layers for one in sketch.drawn):
            return sketch
        if (space or sketch.space) not in ("w", "w_plus") or not count:
            return replace(sketch, drawn=tuple(replace(one, layers=None) for one in sketch.drawn))
        drawn, beyond = [], False
        for one in sketch.drawn:
            first, last = one.layers or (0, count - 1)
            beyond = beyond or first >= count
            whole = first >= count or (first == 0 and last >= count - 1)
            drawn.append(replace(one, layers=None if whole else (first, min(last, count - 1))))
        note = f"The layers that its authors move are not there, for '{model.name}' has {count}; all are moved."
        return with_notes(sketch, *((note,) if beyond else ()), drawn=tuple(drawn))


def _is_parameters(file: ForeignFile) -> bool:
    return file.kind == "pickle" and {"n_attributes", "hidden_size", "n_shared_layers"} <= set(file.keys())


def _attributes(file: ForeignFile) -> list[str]:
    """The name of every classifier. Raises :class:`ControlError` where those that are written down are not as many."""
    count = flows.networks(file.state("model"), "classifiers")
    written = file.pickle_beside(PARAMETERS).get("attributes")
    if isinstance(written, str):
        names = [name.strip() for name in written.split(",")]
        if len(names) != count or len(set(names)) != count:
            raise ControlError(
                f"The {PARAMETERS} beside '{file.name}' names {len(names)} attributes, but the file holds {count} "
                "classifiers; put those that belong together into one folder."
            )
        return names
    named = annotation(file)
    return [named.get(index) or f"attribute {index}" for index in range(count)]


def _is_faces(names: Sequence[str]) -> bool:
    return tuple(names[: len(_FACES)]) == tuple(_FACES)


def _held(file: ForeignFile, name: str, names: Sequence[str]) -> dict[str, int]:
    """Other attribute → how many channels that move it most are held still, where ``name`` is moved."""
    if FILTER in file.answers:
        published = file.answers[FILTER] == "published" and name in _FACES
        return dict(_FACES[name].held) if published else {}
    channels = int(file.answers.get(CHANNELS, 0))
    return {other: channels for other in names if other != name} if channels else {}


def _layers(names: Sequence[str], name: str) -> tuple[int, int] | None:
    if _is_faces(names):
        return _FACES[name].layers if name in _FACES else None
    return _OTHERS.layers if tuple(names) in _CARS_AND_CATS else None


def _width(file: ForeignFile) -> int:
    """d, as the first layer says; 0 where it does not."""
    weight = file.state("model").get("classifiers.0.classifier.0.weight")
    return weight.shape[1] if isinstance(weight, Tensor) and weight.ndim == 2 else 0


def _classifiers(file: ForeignFile, count: int) -> list[Classifier]:
    """One an attribute. Raises :class:`ControlError` for layers that are missing, or fit no classifier."""
    state = file.tensors("model")
    foreign = next((key for key in state if _LAYER.fullmatch(key) is None), None)
    if foreign is not None:
        raise ControlError(f"'{file.name}' holds '{foreign}', which no classifier of GradCtrl has; download it again.")
    shared = _stack(file, state, "shared")
    found = []
    for index in range(count):
        layers = [*shared, *_stack(file, state, f"classifiers.{index}.classifier")]
        try:
            found.append(Classifier(tuple(weight for weight, _ in layers), tuple(bias for _, bias in layers)))
        except ValueError as error:
            raise ControlError(f"'{file.name}' is damaged: classifier {index} has {error}.") from error
        flows.same_width(file, found[0].width, found[-1].width)
    return found


def _stack(file: ForeignFile, state: Mapping[str, Tensor], prefix: str) -> list[tuple[Tensor, Tensor]]:
    """(weight, bias) of every layer of the sequence ``prefix``: the even places, rectifiers between them."""
    own = flows.layers_in(file, state, f"{prefix}.")
    places = sorted({int(key.partition(".")[0]) for key in own})
    if places != list(range(0, 2 * len(places), 2)) or (not places and prefix != "shared"):
        raise ControlError(f"'{file.name}' is damaged: a layer of {prefix} is missing; download it again.")
    layers = []
    for place in places:
        for part in ("weight", "bias"):
            if f"{place}.{part}" not in own:
                raise ControlError(f"'{file.name}' is damaged: it lacks {prefix}.{place}.{part}; download it again.")
        layers.append((own[f"{place}.weight"], own[f"{place}.bias"]))
    return layers


IMPORTER = GradCtrl()
