"""The scene: a frozen value that holds everything the picture depends on, and nothing else.

Equality answers "must I redraw?"; undo keeps the old value; the scene file is the value written down; a comparison is
two panes that differ in one field; a video is a function from time to scenes (:mod:`explorer.scene.timeline`).
No Qt and no torch here: the window, the service and the command line all speak in these structs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

import msgspec

SCENE_VERSION = 5
LARGEST_ORIGINAL = 256
"""Pixels of the longer side of a picture of one's own that a scene holds."""

Interpolation = Literal["lerp", "slerp", "smooth"]
Units = Literal["native", "effect", "arc"]
Calibration = Literal["chord", "arc"]
"""How much a picture changes on the way to an amount: from its start to there, or added up along the path."""

PaneView = Literal[
    "image",
    "unmoved",
    "original",
    "before_after",
    "difference",
    "between",
    "truth",
    "total_effect",
    "direct_effect",
    "indirect_effect",
]
"""What a pane shows; what each is called: :mod:`explorer.scene.views`.

``between``: where the picture differs from that of another pane (:func:`compared_with`).
``original``: the picture of the user's own that the point was found for (:class:`OwnPicture`). ``truth``: what the
model's world draws of the values that it says would have been. The effects are those of do() on the
picture, signed (Pearl, Direct and indirect effects, UAI 2001): ``total``, all follows; ``direct``, the variables that
are set change, and all others stay; ``indirect``, these change as they would have, and those that are set stay."""
Scalar = bool | int | float | str


class ModelRef(msgspec.Struct, frozen=True, kw_only=True):
    """Which generator: a shipped name or a path, and the fingerprint it had when the scene was made."""

    path: str
    fingerprint: str = ""
    family: str = ""  # set by a user who overrides `identify`


class Seed(msgspec.Struct, frozen=True, tag="seed"):
    """A point drawn from the prior; the same seed gives the same point on every device. 0 ≤ seed < 2**32."""

    seed: int


class Usual(msgspec.Struct, frozen=True, kw_only=True):
    """How near a model comes to ``pictures`` of its own, by the way by which a point was found: at ``least``, in
    decibels."""

    pictures: int
    least: float


class OwnPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of the user's own, for which a model's point was found.

    ``png``: the picture as the model was to draw it, fitted to its shape, at most :data:`LARGEST_ORIGINAL` pixels wide
    and high, so that scenes stay small. ``psnr``: how near the model's picture of the point comes to it, in decibels,
    at the model's own size and in its full number of steps. ``way``: title of how the point was found; ``reading``:
    what was done to the file, in one sentence; ``distance``: how far the point lies from the middle of its space, in
    root mean squares of points that the model draws; ``usual``: what ``psnr`` is held against, where that is known.
    """

    name: str
    png: bytes
    psnr: float
    way: str
    reading: str = ""
    distance: float = 1.0
    usual: Usual | None = None


class StoredLatent(msgspec.Struct, frozen=True, tag="latent"):
    """A point given by its numbers: float32, little-endian, C order. ``own``: the picture that it was found for."""

    space: str
    shape: tuple[int, ...]
    data: bytes
    own: OwnPicture | None = None


class Blend(msgspec.Struct, frozen=True, tag="blend"):
    """A mixture of points. ``slerp`` takes two origins and the weight of the second; ``lerp`` and ``smooth`` any
    number, weights sum to 1."""

    origins: tuple[Seed | StoredLatent, ...]
    weights: tuple[float, ...]
    interpolation: Interpolation = "slerp"


Origin = Seed | StoredLatent | Blend


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What a conditional model is told to draw; other models pay no heed to it.

    ``prompt`` and ``negative_prompt``: of models that read text; ``guidance``: how strongly these are followed, None:
    as strongly as the model's card proposes. ``classes``: (number of a class, weight), the weights sum to 1; none: the
    class that is drawn for a seed.
    """

    prompt: str = ""
    negative_prompt: str = ""
    guidance: float | None = None
    classes: tuple[tuple[int, float], ...] = ()


class Start(msgspec.Struct, frozen=True):
    """Where a picture starts, before any control is moved. ``truncation_psi`` in 0..1.5 scales the prior around its
    mean."""

    origin: Origin
    truncation_psi: float = 1.0
    condition: Condition = Condition()


def own_picture(origin: Origin) -> OwnPicture | None:
    """The picture of the user's own that ``origin`` was found for, if it was for one."""
    return origin.own if isinstance(origin, StoredLatent) else None


class ControlSetRef(msgspec.Struct, frozen=True, kw_only=True):
    """Which control set: what a method finds with these settings on the pane's model, or a file (``path``, checked
    by ``digest``); and what is made of it before it is shown, in this order.

    ``without``: the set's other controls are made orthogonal to these of its own (conditional edits); ``units``:
    ``effect`` scales every control so that an amount of 1 changes a picture by ``tau`` (root mean square, in shares of
    the range of the pixels), ``arc`` so that the changes along the path add up to ``tau``, ``native`` leaves the
    method's own units; ``like``: the controls come in the order, and
    with the signs, in which their effects match those of that other set on the same model.
    """

    method: str = ""
    k: int = 10
    seed: int = 0
    settings: tuple[tuple[str, Scalar], ...] = ()
    path: str = ""
    digest: str = ""
    without: tuple[str, ...] = ()
    units: Units = "native"
    tau: float = 0.06
    like: ControlSetRef | None = None

    @property
    def calibration(self) -> Calibration | None:
        """By which change of a picture its units are made; None: they are the method's own."""
        return None if self.units == "native" else "arc" if self.units == "arc" else "chord"


class ChosenControl(msgspec.Struct, frozen=True, kw_only=True):
    """A control of some set that goes into a set of one's own, called ``name`` there (empty: as it was)."""

    controls: ControlSetRef
    control: str
    name: str = ""
    starred: bool = False


_ALMOST_ALL = math.nextafter(1.0, 0.0)


class StepWindow(msgspec.Struct, frozen=True):
    """In which steps of a sampler an edit acts, by the noise that is left: 1 is pure noise, 0 the picture, and a step
    belongs to it where ``low`` ≤ its training step over all training steps < ``high``. 0 ≤ low < high ≤ 1."""

    high: float = 1.0
    low: float = 0.0

    def holds(self, noise: float) -> bool:
        """Whether the step at which a share ``noise`` of the schedule is left belongs to it. Flows begin with all of
        it, and some samplers go below none: these steps belong to the first and the last window."""
        return self.low <= min(max(noise, 0.0), _ALMOST_ALL) < self.high


Holds = Literal["amount", "value"]
"""What a number says of a control: how far it is moved, or to which value."""


class Edit(msgspec.Struct, frozen=True):
    """One control moved; ``control`` is its name in the pane's control set. Either by an ``amount``, of which 0 changes
    nothing, or to a ``value``, do(x = v), of which the one that stands there changes nothing. ``window``: in which
    steps of a sampler alone (None: in all), which stays where the amount is 0."""

    control: str
    amount: float = 0.0
    value: float | None = None
    window: StepWindow | None = None

    @classmethod
    def of(cls, control: str, number: float, holds: Holds) -> Edit:
        """``control`` moved by the amount, or to the value, ``number``."""
        return cls(control, value=number) if holds == "value" else cls(control, number)

    @property
    def holds(self) -> Holds:
        return "amount" if self.value is None else "value"

    @property
    def number(self) -> float:
        """The value, where it holds one, else the amount."""
        return self.amount if self.value is None else self.value

    @property
    def is_nothing(self) -> bool:
        """Whether it changes no picture, whatever the control."""
        return self.value is None and self.amount == 0


def as_set(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """``edits`` without those that say nothing, in the order of their names (numbers within these by size), so that
    equal sets are equal values. How they are applied does not depend on it: that is the order of the control set."""
    telling = (edit for edit in edits if not edit.is_nothing or edit.window is not None)
    return tuple(sorted(telling, key=lambda edit: _by_name(edit.control)))


@lru_cache(maxsize=4096)
def _by_name(name: str) -> tuple[list[tuple[str, int]], str]:
    """``PC 2`` before ``PC 10``."""
    parts = re.findall(r"(\D*)(\d*)", name)
    return [(text, int(digits[:18] or -1)) for text, digits in parts], name


class Pane(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of the grid. ``None`` means: the scene's own model, origin or condition. ``edits`` are a set
    (:func:`as_set`)."""

    name: str = ""
    controls: ControlSetRef = ControlSetRef(method="latent_axes")
    edits: tuple[Edit, ...] = ()
    view: PaneView = "image"
    split: float = 0.5  # before_after: where the divider stands, 0..1 from the left
    model: ModelRef | None = None
    origin: Origin | None = None
    condition: Condition | None = None

    def __post_init__(self) -> None:
        # The picture depends on the set of edits, never on the order in which the hand made them.
        msgspec.structs.force_setattr(self, "edits", as_set(self.edits))


Decoder = Literal["", "tiny"]
"""Which autoencoder makes pictures of latents: the model's own, or the small one that lies beside it."""


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """How carefully to render. ``steps``: sampler steps (diffusion; 0 = the model's own full count); ``sampler``: its
    name (:mod:`explorer.scene.samplers`; empty: the model's own); ``decoder``: ``tiny`` where there is one, for what
    moves."""

    steps: int = 0
    precision: Literal["auto", "float32", "float16"] = "auto"
    sampler: str = ""
    decoder: Decoder = ""


class AmountKey(msgspec.Struct, frozen=True):
    """At ``time`` seconds the control stands at ``amount``, or in a track of values at that value."""

    time: float
    amount: float


class AmountTrack(msgspec.Struct, frozen=True, kw_only=True):
    """How one control of one pane moves over time. ``smooth`` is monotone cubic: it never overshoots its keys.
    ``holds``: what the keys say of the control, amounts or values."""

    pane: int
    control: str
    keys: tuple[AmountKey, ...]
    interpolation: Literal["lerp", "smooth"] = "smooth"
    holds: Holds = "amount"


class OriginKey(msgspec.Struct, frozen=True):
    """At ``time`` seconds the picture starts from ``origin``."""

    time: float
    origin: Seed | StoredLatent


class OriginTrack(msgspec.Struct, frozen=True, kw_only=True):
    """How the scene's origin moves over time, between seeds or stored latents."""

    keys: tuple[OriginKey, ...] = ()
    interpolation: Interpolation = "slerp"


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that moves. ``loop``: ``once`` ends on the last key; ``loop`` omits the frame equal to the first;
    ``ping_pong`` goes there and back."""

    duration: float = 4.0  # seconds, one way
    fps: int = 24
    loop: Literal["once", "loop", "ping_pong"] = "ping_pong"
    origin: OriginTrack = OriginTrack()
    amounts: tuple[AmountTrack, ...] = ()


class Bookmark(msgspec.Struct, frozen=True, kw_only=True):
    """A state to come back to: where pictures start, and panes."""

    name: str
    model: ModelRef
    origin: Origin
    truncation_psi: float
    panes: tuple[Pane, ...]
    columns: int = 0
    condition: Condition = Condition()


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What the user has said about one control: another name, a star, whether it is hidden or stands at the top.

    ``controls`` is the set as its method finds it (:func:`explorer.scene.marks.origin_of`), so that a name stays when
    the set is calibrated or matched. ``count``: it holds for the set of so many controls alone, because the controls of
    the same names in a larger one are others; 0: for any number.
    """

    controls: ControlSetRef
    control: str
    name: str = ""
    starred: bool = False
    hidden: bool = False
    pinned: bool = False
    count: int = 0


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the window shows. ``truncation_psi`` in 0..1.5; it scales the prior around its mean.

    ``columns``: how many panes stand side by side (0: as many as make them largest); ``marks`` are kept for sets that
    no pane shows now, too.
    """

    version: int = SCENE_VERSION
    model: ModelRef
    origin: Origin = Seed(0)
    truncation_psi: float = 0.7
    panes: tuple[Pane, ...] = (Pane(),)
    selected: int = 0
    linked: bool = True  # one slider moves the control of the same index in every pane
    quality: Quality = Quality()
    timeline: Timeline = Timeline()
    bookmarks: tuple[Bookmark, ...] = ()
    columns: int = 0
    marks: tuple[Mark, ...] = ()
    condition: Condition = Condition()

    def model_of(self, pane: int | None = None) -> ModelRef:
        """The model that pane number ``pane`` (default: the selected one) shows: its own, or the scene's."""
        return self.panes[self.selected if pane is None else pane].model or self.model

    def origin_of(self, pane: int | None = None) -> Origin:
        """Where pane number ``pane`` (default: the selected one) starts: its own origin, or the scene's."""
        return self.panes[self.selected if pane is None else pane].origin or self.origin

    def condition_of(self, pane: int | None = None) -> Condition:
        """What the model of pane number ``pane`` (default: the selected one) is told to draw."""
        return self.panes[self.selected if pane is None else pane].condition or self.condition

    def start_of(self, pane: int | None = None) -> Start:
        """Where the picture of pane number ``pane`` (default: the selected one) starts."""
        return Start(self.origin_of(pane), self.truncation_psi, self.condition_of(pane))


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One picture, self-contained: what the engine renders and what its caches are keyed by."""

    model: ModelRef
    start: Start
    controls: ControlSetRef
    edits: tuple[Edit, ...]
    view: PaneView = "image"
    split: float = 0.5
    quality: Quality = Quality()
    against: View | None = None  # of ``between``: the picture that this one is compared with

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "edits", as_set(edit for edit in self.edits if not edit.is_nothing))


def compared_with(scene: Scene, pane: int) -> int:
    """The pane with which the view ``between`` compares pane number ``pane``: the first one, of a table of panes the
    first of its row; that one itself with the next. The pane itself where there is no other."""
    start = pane - pane % scene.columns if scene.columns > 1 else 0
    return start if pane != start else min(start + 1, len(scene.panes) - 1)


def view_of(scene: Scene, pane: int, quality: Quality | None = None) -> View:
    """The self-contained :class:`View` of pane number ``pane``."""
    chosen = scene.panes[pane]
    shown, against = chosen.view, None
    other = compared_with(scene, pane)
    if shown == "between" and other == pane:
        shown = "image"
    elif shown == "between":
        against = View(
            model=scene.model_of(other),
            start=scene.start_of(other),
            controls=scene.panes[other].controls,
            edits=scene.panes[other].edits,
            quality=quality or scene.quality,
        )
    return View(
        against=against,
        model=scene.model_of(pane),
        start=scene.start_of(pane),
        controls=chosen.controls,
        edits=chosen.edits,
        view=shown,
        split=chosen.split if chosen.view == "before_after" else 0.5,
        quality=quality or scene.quality,
    )
