"""Descriptions that the window lists and the command line prints: models, methods, controls. Plain values, no torch."""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

import msgspec

from explorer.errors import plain_text
from explorer.scene.causal_graph import CausalGraph
from explorer.scene.model import ControlSetRef, Scalar

DIRECTIONS_SHOWN = 10
"""Controls that a new pane begins with: as many as a hand can use."""
WEIGHTS = "weights"
"""What the card of a control says in place of a space where it changes the network's weights."""

WITHOUT_END = 2**31 - 1
"""As ``grows_to``: however many are asked for."""
Badge = Literal["active", "mixed", "passive", ""]
Role = Literal["", "chance", "ceiling", "truth", "capacity", "turned pair", "labels"]
"""What the program itself needs a method for. ``chance``: what every other method has to be better than. ``ceiling``:
it reads all attributes, so it shows what can be reached with labels; ``truth``: the ceiling where the model knows its
factors; ``capacity``: a class of paths fitted to that truth, of which there are several. ``turned pair``: shows two
axes turned by an angle (settings ``first``, ``second``, ``angle`` in degrees). ``labels``: makes the direction of what
a user has labelled (setting ``attributes``, the path of a label file)."""


class SpaceCard(msgspec.Struct, frozen=True, kw_only=True):
    """One latent space. ``shape`` is without the batch; ``layers`` counts the layers a control may be limited to (0:
    none); ``widths``: of a space that holds the styles of layers side by side, the channels of each; ``sphere``: only
    the direction of a point counts, its length does not."""

    shape: tuple[int, ...]
    prior: Literal["normal", "uniform", ""] = ""
    layers: int = 0
    widths: tuple[int, ...] = ()
    sphere: bool = False


PICTURES = "image"
"""The kind of output that is a picture as it stands: what worlds draw, and attributes and measures read."""


class OutputCard(msgspec.Struct, frozen=True, kw_only=True):
    """What a generator makes, as its kind of output says (:mod:`explorer.outputs`). ``shape`` of one output, without
    the batch; ``size``: (height, width) in pixels of the picture that shows it; ``text``: how large it is, for lists
    (``64×64``); ``description``: how large and what, in the plural, for sentences (``64 × 64 colour pictures``).
    """

    kind: str
    shape: tuple[int, ...]
    size: tuple[int, int]
    text: str
    description: str


class ReadySet(msgspec.Struct, frozen=True, kw_only=True):
    """A control set that comes with a model. ``name``: of its file, without the ending; ``controls``: what a pane that
    shows it names; ``problem``: why it cannot be used, in one sentence, or empty."""

    name: str
    title: str
    controls: ControlSetRef
    note: str = ""
    problem: str = ""

    def __post_init__(self) -> None:
        _clean(self, LONGEST_NAME, ("title",))
        _clean(self, LONGEST_NOTE, ("note",))


class WayCard(msgspec.Struct, frozen=True, kw_only=True):
    """One way to find the point of a picture of one's own (:mod:`explorer.inversion`). ``steps``: as many as it takes
    where nobody says; 0: it goes in none."""

    name: str
    title: str
    description: str
    steps: int = 0


LONGEST_NAME, LONGEST_NOTE = 200, 2000
"""Letters of what a card shows: of a name, and of what is told about it."""


def _clean(card: msgspec.Struct, longest: int, fields: tuple[str, ...]) -> None:
    """Make the texts in these ``fields`` of a card that is being made such as can be shown, whatever file they come
    from: one line, nothing invisible, so many letters at most."""
    for field in fields:
        value = getattr(card, field)
        texts = value if isinstance(value, tuple) else (value,)
        if not all(text.isprintable() and len(text) <= longest for text in texts):
            cleaned = tuple(plain_text(text, longest) for text in texts)
            msgspec.structs.force_setattr(card, field, cleaned if isinstance(value, tuple) else cleaned[0])


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a generator before it is used.

    ``output`` says what it makes; ``spaces`` are in the order in which the generator passes through them;
    ``capabilities`` names what the family can do: ``truncation``, ``encode``, ``steps``, and what discovery methods and
    measures ask for: ``posterior``, ``codebook``, ``axes``, ``affine``, ``activations``, ``bottleneck``, ``mapping``
    (the layers between z and w can be read), ``features`` (activations without the rest of the picture),
    ``true_directions``, ``weights`` (the network can be drawn with other weights), ``causes`` (numbers of its first
    space are variables of a causal model), ``motion`` (the space ``style`` begins with the rotation and the translation
    of the picture), ``prompt`` (it draws what a text says), ``renoise`` (a finished
    picture can be noised and looked at again), ``ddim`` or ``flow`` (pictures are encoded by the
    sampler run backwards). ``family_title`` is what a user reads of the family, before a word such as model.
    """

    name: str
    family: str
    family_title: str = ""
    path: str
    output: OutputCard
    spaces: dict[str, SpaceCard]
    fingerprint: str
    capabilities: tuple[str, ...] = ()
    licence: str = ""
    origin: str = ""
    shipped: bool = False
    parameters: int = 0
    classes: int = 0  # of a conditional model; 0: there are none to choose from
    full_steps: int = 0  # diffusion: sampler steps of the full picture
    interactive_steps: int = 0  # diffusion: sampler steps while a slider moves
    most_steps: int = 0  # diffusion: as many as in training
    samplers: tuple[str, ...] = ()  # diffusion: names; the one that draws where nobody chooses first
    guidance: float = 0.0  # to what a picture is told, where nobody chooses; 0: it is not led
    tiny_decoder: bool = False  # diffusion: whether a small autoencoder draws what moves
    sampler: str = ""  # diffusion: how pictures are drawn, and what of the folder's own sampler is not followed
    methods: tuple[str, ...] = ()  # names of the discovery methods that fit, the default first
    first_counts: dict[str, int] = {}  # name of a method that fits → how many controls a new pane of it begins with
    worlds: tuple[str, ...] = ()  # names of the worlds whose pictures it takes, the one it was trained on first
    refusals: dict[str, str] = {}  # name of every other method → why it does not fit, in one sentence
    ready: tuple[ReadySet, ...] = ()  # control sets that come with it
    inversions: tuple[WayCard, ...] = ()  # ways to find the point of a picture of one's own, the usual one first
    runtime: str = ""  # what computes it, where that is another library than torch, and on what
    differentiable: bool = True  # whether pictures have gradients by the point
    notes: str = ""
    example_seed: int = 0  # of the picture that a window begins with; 0 where the folder's card proposes none
    reason: str = ""  # why it belongs to its family, in one sentence
    memory: int = 0  # bytes that its weights take once it is open

    def __post_init__(self) -> None:
        _clean(self, LONGEST_NAME, ("name", "family_title", "licence"))
        _clean(self, LONGEST_NOTE, ("origin", "notes", "reason", "sampler", "runtime"))

    @property
    def kind(self) -> str:
        """The kind of its outputs."""
        return self.output.kind

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels of the picture that shows an output."""
        return self.output.size

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one output, without the batch; of a picture: channels, height, width."""
        return self.output.shape

    @property
    def makes_pictures(self) -> bool:
        """Whether its outputs are pictures, and not shown by some."""
        return self.kind == PICTURES

    @property
    def is_conditional(self) -> bool:
        """Whether it can be told what to draw: classes, or a prompt."""
        return bool(self.classes) or "prompt" in self.capabilities

    @property
    def has_codes(self) -> bool:
        """Whether a picture has a code: one vector whose entries are the latents."""
        z = self.spaces.get("z")
        return "posterior" in self.capabilities or (
            "encode" in self.capabilities and z is not None and len(z.shape) == 1
        )

    def called(self, path: str) -> str:
        """How scenes and exports name the model opened at ``path``: by its name where it came with the program."""
        return self.name if self.shipped else path

    def why_not(self, method: MethodCard) -> str:
        """Why ``method`` is not offered for this model, in one sentence: in its own words, where it was there when the
        model was opened."""
        return self.refusals.get(method.name, f"{method.title} does not fit this model.")

    def without_gradients(self, title: str) -> str:
        """Why what is called ``title``, which follows gradients of pictures, does not fit, or an empty string."""
        if self.differentiable:
            return ""
        return (
            f"{title} follows gradients of pictures, and '{self.name}' has none: another library draws them; choose "
            "what only looks at pictures."
        )


class ListedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the user's models folder, as headers tell without loading it. ``memory``: bytes at the height of
    opening it, 0 where that is not known; ``problem``: why it does not open, in one sentence, or empty."""

    path: str
    family: str
    family_title: str
    memory: int = 0
    problem: str = ""

    @property
    def name(self) -> str:
        """What it is called: its file, or its folder."""
        return plain_text(PurePath(self.path).name, LONGEST_NAME)


class FamilyVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Why the family ``family``, which a user reads as ``title``, does not take a file: one sentence. ``family`` is
    empty where it is a plugin that could not be loaded."""

    family: str
    title: str
    reason: str


class FileUse(msgspec.Struct, frozen=True, kw_only=True):
    """What a file that is no model can be used for: as the scene, the controls or the attributes that it holds, or to
    find the ``model`` that it is a part of. ``path``: of what is used then, the file itself or what it leads to."""

    kind: Literal["scene", "controls", "attributes", "model"]
    path: str


class SettingCard(msgspec.Struct, frozen=True, kw_only=True):
    """One setting of a method. ``choices``: the values it may take, or empty for any between ``low`` and ``high``.

    ``kind``: how a text is asked for: ``space`` one of the model's spaces, ``attributes`` a world, a classifier or
    labels, ``attribute`` one of their attributes, ``controls`` a method or a control set's file, ``file`` a path,
    ``folder`` that of a folder of pictures of the user's own,
    ``region`` a part of the picture, ``layers`` a range of the model's. ``empty``: what an empty text, or a default
    that is the least number, stands for. ``afterwards``: it says how what was found is shown, so that nothing is
    searched anew for another value.
    """

    name: str
    title: str
    default: Scalar
    choices: tuple[Scalar, ...] = ()
    low: float | None = None
    high: float | None = None
    help: str = ""
    kind: Literal["", "space", "attributes", "attribute", "controls", "file", "folder", "region", "layers"] = ""
    empty: str = ""
    afterwards: bool = False


class MethodCard(msgspec.Struct, frozen=True, kw_only=True):
    """A discovery method: what it is called, where it works, and who published it.

    Whether a method fits a model is said by its `refusal`; the registry derives from it the ``families`` that have a
    model that it fits, and ``spaces`` is for the reader. ``problem`` is why a plugin could not be loaded, else empty.
    ``supervised``: it learns from attributes, so what it finds is no discovery, and labels are a cost. ``expensive``:
    takes minutes rather than seconds on one core. ``aliases``: other names that it answers to. ``grows``: every control
    of a set is in the set of more controls that it finds with the same seed and settings, under the same name; a method
    that finds its controls together does not. ``first_count``: how many controls a new pane begins with, where the
    model has room. ``version``: raised whenever it finds something else for the same request than before.
    """

    name: str
    title: str
    spaces: tuple[str, ...]
    trained: bool
    paper: str
    families: tuple[str, ...] = ()
    description: str = ""
    settings: tuple[SettingCard, ...] = ()
    problem: str = ""
    supervised: bool = False
    expensive: bool = False
    aliases: tuple[str, ...] = ()
    grows: bool = False
    role: Role = ""
    first_count: int = DIRECTIONS_SHOWN
    version: int = 1

    @property
    def needs_file(self) -> bool:
        """Whether it cannot begin before somebody has named a file."""
        return any(setting.kind == "file" and setting.default == "" for setting in self.settings)

    @property
    def is_quick(self) -> bool:
        """Whether it finds something by itself within seconds: what is offered before anybody has chosen."""
        return not (self.expensive or self.supervised or self.needs_file)


class ControlLaws(msgspec.Struct, frozen=True, kw_only=True):
    """What may be expected of a control's moves; each kind is tested for what it says here.

    ``composes``: moving by a and then by b is moving by a + b. ``commutes``: two of a set, moved one after the other,
    lead to one point in either order. ``timed``: the velocity depends on the time since the start, so a move goes on
    only with its time. ``negative``: what amounts below 0 mean: ``reverse``, the way back of the amounts above;
    ``anti-field``, along the field turned round; ``own``, a way of its own; ``none``, nothing, it has no such amounts.
    """

    composes: bool = True
    commutes: bool = True
    timed: bool = False
    negative: Literal["reverse", "anti-field", "own", "none"] = "reverse"


FieldNature = Literal["gradient", "rotation", "both"]
"""``gradient``: of a potential; ``rotation``: without divergence; ``both``: a sum of such, or any other field."""


class FieldCard(msgspec.Struct, frozen=True, kw_only=True):
    """The vector field that a control follows. ``times``: the model times that it was made for, None where it does not
    depend on time; ``unit_speed``: only its direction is followed; ``integrator``: how; ``potential``: whether it has
    one, so that a landscape can be drawn."""

    nature: FieldNature
    times: tuple[float, float] | None = None
    unit_speed: bool = False
    integrator: Literal["euler", "heun", "rk4"] = "rk4"
    potential: bool = False


class ControlCard(msgspec.Struct, frozen=True, kw_only=True):
    """One slider. ``low``/``high`` in ``unit``; ``figure`` is the short number at its right, ``details`` the tool
    tip's lines. ``shows``: what the numbers of the slider are, amounts (how far it is moved, from 0) or values (where
    the picture stands, and where it is sent: do(x = v)); range and ``detents`` are in the same. ``cases``: what
    amounts are called, below, at and above 0, where they are numbers of cases and no quantity
    (:func:`explorer.scene.choices.case_text`): nothing is measured along such a slider. ``labels``: what the values
    0, 1, … are called, where they are levels with names. ``safe``: between which amounts its pictures stay as usual as
    the model's own, where that was measured."""

    name: str
    space: str
    unit: str = "σ"
    low: float = -3.0
    high: float = 3.0
    badge: Badge = ""
    figure: str = ""
    details: tuple[str, ...] = ()
    layers: tuple[int, int] | None = None  # first and last layer, both included
    detents: tuple[float, ...] = ()  # where the slider snaps, ascending; empty: it moves freely
    shows: Literal["amount", "value"] = "amount"
    laws: ControlLaws = ControlLaws()
    field: FieldCard | None = None  # what it follows, where that is a vector field
    starred: bool = False  # by the user, in a set of their own
    cases: tuple[str, str, str] | None = None
    labels: tuple[str, ...] = ()
    safe: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        _clean(self, LONGEST_NAME, ("name", "unit", "figure", "labels", *(("cases",) if self.cases else ())))
        _clean(self, LONGEST_NOTE, ("details",))


class Remark(msgspec.Struct, frozen=True):
    """What has to be known of a picture because of one of its controls: ``mark``, in two words (``path ended``), and
    ``text``, what follows the control's name in a sentence (``was made for times 0 to 2 only``). ``about``: what the
    mark is of, where that is not the control."""

    mark: str
    text: str
    about: str = ""


class ControlPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a picture stands along one control before it is moved by it: ``value``, in the unit of its values; and
    where its slider may stop and how far it reaches from there, in what the slider shows (``stops`` ascending, empty:
    anywhere)."""

    value: float
    low: float
    high: float
    stops: tuple[float, ...] = ()


class AttributeCard(msgspec.Struct, frozen=True, kw_only=True):
    """One property that is read from pictures; as :class:`explorer.attributes.base.Attribute`."""

    name: str
    kind: Literal["number", "share", "category"] = "number"
    unit: str = ""
    period: float = 0.0  # after how much a cyclic one repeats, else 0
    levels: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()  # the names of the levels, where they have some


class ControlSetCard(msgspec.Struct, frozen=True, kw_only=True):
    """A control set as the control panel shows it. ``grows_to``: up to how many controls may be asked for in its place
    before those that it has become others; 0 where any other number gives others. ``graph``: whose variables its
    sliders set, None where they set none."""

    method: str
    title: str
    space: str
    fingerprint: str
    controls: tuple[ControlCard, ...]
    seconds: float = 0.0
    note: str = ""
    grows_to: int = 0
    graph: CausalGraph | None = None

    def __post_init__(self) -> None:
        _clean(self, LONGEST_NAME, ("title",))
        _clean(self, LONGEST_NOTE, ("note",))
