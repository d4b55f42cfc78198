"""What the window and the engine process say to each other: frozen structs, packed as msgpack. No torch, no Qt.

A frame's pixels do not travel in a message: the client owns a ring of shared memory, the server paints into a free
slot,
:class:`Frames` says where, and :class:`Release` gives the slot back. Everything else fits in a message.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from explorer.export.carried import Reference
from explorer.scene.cards import (
    AttributeCard,
    ControlPlace,
    ControlSetCard,
    FamilyVerdict,
    MethodCard,
    ModelCard,
    Remark,
)
from explorer.scene.causes import Outcome
from explorer.scene.comparison import CompareOptions, CompareReport
from explorer.scene.effects import EffectQuestion, EffectReport
from explorer.scene.imports import ImportCard
from explorer.scene.labels import Labels
from explorer.scene.landscape import Landscape, Plane
from explorer.scene.measures import MeasureOptions, MeasureReport
from explorer.scene.model import (
    ChosenControl,
    ControlSetRef,
    Edit,
    ModelRef,
    Origin,
    Scalar,
    Scene,
    StoredLatent,
    View,
)

PROTOCOL_VERSION = 2


class ViewRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Render ``view`` for the pane ``view_id``. ``revision`` grows with every request of the client.

    ``asked`` is the client's ``time.perf_counter()`` when the state was set, and comes back with the frame.
    """

    view_id: int
    revision: int
    asked: float
    view: View


# --- from the client -------------------------------------------------------------------------------------------------


class AttachRing(msgspec.Struct, frozen=True, kw_only=True, tag="attach"):
    """Use the shared memory ``name`` with ``slots`` slots of ``slot_bytes`` each."""

    name: str
    slots: int
    slot_bytes: int


class RenderViews(msgspec.Struct, frozen=True, kw_only=True, tag="render"):
    """Render these views, together where they share a generator; each replaces the waiting request of its view."""

    requests: tuple[ViewRequest, ...]


class Release(msgspec.Struct, frozen=True, kw_only=True, tag="release"):
    """The client has copied the pixels of these slots of ``ring``; the server may paint into them again."""

    ring: str
    slots: tuple[int, ...]


class ForgetView(msgspec.Struct, frozen=True, kw_only=True, tag="forget"):
    """The pane is gone: drop its waiting request."""

    view_id: int


class ListModels(msgspec.Struct, frozen=True, kw_only=True, tag="list_models"):
    request_id: int


class ListMethods(msgspec.Struct, frozen=True, kw_only=True, tag="list_methods"):
    request_id: int


class OpenModel(msgspec.Struct, frozen=True, kw_only=True, tag="open_model"):
    """Identify and load; answered by :class:`ModelOpened` or :class:`Refused`."""

    request_id: int
    model: ModelRef


class FindControls(msgspec.Struct, frozen=True, kw_only=True, tag="find_controls"):
    """Load or discover a control set; a job, answered by progress, perhaps :class:`ControlsPreview`, and
    :class:`ControlsFound`. One search runs at a time; the others report a title that begins with "Waiting".
    """

    request_id: int
    model: ModelRef
    controls: ControlSetRef


class DescribeFile(msgspec.Struct, frozen=True, kw_only=True, tag="describe_file"):
    """What the file ``path`` of another program is to ``model``; answered by :class:`FileDescribed`, or by
    :class:`Refused` with what is wrong with it. ``may_be_model``: nobody has said that it is none."""

    request_id: int
    model: ModelRef
    path: str
    may_be_model: bool = False


class ReadPath(msgspec.Struct, frozen=True, kw_only=True, tag="read_path"):
    """The points of one path of the file ``path``, for ``model``; ``answers``: to what its :class:`FileDescribed` asks.
    Answered by :class:`PathRead`."""

    request_id: int
    model: ModelRef
    path: str
    answers: tuple[tuple[str, Scalar], ...] = ()


class FindPlaces(msgspec.Struct, frozen=True, kw_only=True, tag="find_places"):
    """Where the picture that starts from ``origin`` stands along the controls of ``controls``; answered by
    :class:`PlacesFound`. ``edits``: those of the pane, of which the ones in earlier spaces count."""

    request_id: int
    model: ModelRef
    controls: ControlSetRef
    origin: Origin
    truncation_psi: float = 1.0
    edits: tuple[Edit, ...] = ()


class DrawLandscape(msgspec.Struct, frozen=True, kw_only=True, tag="draw_landscape"):
    """The path of a control and the field that it follows, on a plane; answered by :class:`LandscapeDrawn`, or by
    :class:`Refused`. ``time``: of the field; None: when the path begins."""

    request_id: int
    model: ModelRef
    controls: ControlSetRef
    origin: Origin
    truncation_psi: float
    edits: tuple[Edit, ...]
    control: str
    plane: Plane
    time: float | None = None


class FindOutcome(msgspec.Struct, frozen=True, kw_only=True, tag="find_outcome"):
    """The variables of a picture without and with the do() of ``edits``; answered by :class:`OutcomeFound`, or by
    :class:`Refused` where the set sets no variables."""

    request_id: int
    model: ModelRef
    controls: ControlSetRef
    origin: Origin
    truncation_psi: float
    edits: tuple[Edit, ...]


class ExportScene(msgspec.Struct, frozen=True, kw_only=True, tag="export"):
    """Write ``scene`` to ``path``; a job, answered by progress and :class:`Exported`. ``options`` as in
    explorer.export.options."""

    request_id: int
    scene: Scene
    path: str
    options: bytes  # msgpack of explorer.export.options.ExportOptions, opaque to the transport


class MeasureModel(msgspec.Struct, frozen=True, kw_only=True, tag="measure"):
    """Take the measures of a model; a job, answered by progress and :class:`Measured`."""

    request_id: int
    model: ModelRef
    options: MeasureOptions


class ExportReports(msgspec.Struct, frozen=True, kw_only=True, tag="export_reports"):
    """Write the table of ``reports`` to ``path``, whose extension chooses the format; answered by
    :class:`Exported`."""

    request_id: int
    reports: tuple[MeasureReport, ...]
    path: str


class CompareMethods(msgspec.Struct, frozen=True, kw_only=True, tag="compare"):
    """Measure methods side by side on ``model``; a job, answered by progress and :class:`Compared`."""

    request_id: int
    model: ModelRef
    options: CompareOptions


class ExportComparison(msgspec.Struct, frozen=True, kw_only=True, tag="export_comparison"):
    """Write ``report`` to ``path``, whose extension chooses the format; a job, answered by progress and
    :class:`Exported`."""

    request_id: int
    report: CompareReport
    path: str


class ScanEffects(msgspec.Struct, frozen=True, kw_only=True, tag="scan_effects"):
    """Find out what the controls of a set cause on ``model``; a job, answered by progress and
    :class:`EffectsScanned`."""

    request_id: int
    model: ModelRef
    question: EffectQuestion


class ExportEffects(msgspec.Struct, frozen=True, kw_only=True, tag="export_effects"):
    """Write ``report`` to ``path``, whose extension chooses the format; a job, answered by :class:`Exported`."""

    request_id: int
    report: EffectReport
    path: str


class SaveControls(msgspec.Struct, frozen=True, kw_only=True, tag="save_controls"):
    """Write a control set of one's own to ``path`` (.safetensors, .npz or .npy): the ``chosen`` controls of one or
    several sets of ``model``, in this order; answered by :class:`Exported`. ``title``: what the set is called.
    """

    request_id: int
    model: ModelRef
    chosen: tuple[ChosenControl, ...]
    path: str
    title: str = ""


class DrawSamples(msgspec.Struct, frozen=True, kw_only=True, tag="draw_samples"):
    """Small pictures of prior points, for somebody to label; answered by :class:`SamplesDrawn`.

    ``size``: pixels of the longer side, at most.
    """

    request_id: int
    model: ModelRef
    seeds: tuple[int, ...]
    size: int = 64
    truncation_psi: float = 1.0


class TrainProbe(msgspec.Struct, frozen=True, kw_only=True, tag="train_probe"):
    """Learn ``labels`` of samples of ``model``, and see how well; answered by :class:`ProbeTrained`, or by
    :class:`Refused` while there are fewer than two labels of a kind."""

    request_id: int
    model: ModelRef
    labels: Labels


class ListAttributes(msgspec.Struct, frozen=True, kw_only=True, tag="list_attributes"):
    """What the reader ``attributes`` (a world's name, a path; empty: the world of ``model``) reads from pictures of
    ``model``; answered by :class:`AttributeList`."""

    request_id: int
    model: ModelRef
    attributes: str = ""


class Cancel(msgspec.Struct, frozen=True, kw_only=True, tag="cancel"):
    """Stop the job ``request_id``; it answers :class:`Stopped`."""

    request_id: int


class Shutdown(msgspec.Struct, frozen=True, kw_only=True, tag="shutdown"):
    pass


Request = (
    AttachRing
    | RenderViews
    | Release
    | ForgetView
    | ListModels
    | ListMethods
    | OpenModel
    | FindControls
    | DescribeFile
    | ReadPath
    | FindPlaces
    | DrawLandscape
    | FindOutcome
    | ExportScene
    | MeasureModel
    | ExportReports
    | CompareMethods
    | ExportComparison
    | ScanEffects
    | ExportEffects
    | SaveControls
    | DrawSamples
    | TrainProbe
    | ListAttributes
    | Cancel
    | Shutdown
)


# --- from the server -------------------------------------------------------------------------------------------------


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """The engine is up: torch is imported and the device chosen."""

    version: int
    pid: int
    device: str
    precision: str


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """The picture of ``revision`` lies in ``slot`` of ``ring``: BGRX rows, ``width * 4`` bytes each.

    ``asked``: the client's clock when the state was set. ``*_ms``: what it took in the engine process; ``batch``:
    how many views were rendered together (0: the engine still had this picture);
    ``waited_ms``: from the arrival of the request to the start of the rendering; ``engine_ms``: from there until all
    that was rendered together lies in the shared memory, ``forward_ms`` and ``convert_ms`` included.
    """

    view_id: int
    revision: int
    asked: float
    ring: str
    slot: int
    width: int
    height: int
    waited_ms: float
    forward_ms: float
    convert_ms: float
    batch: int
    device_memory: int  # bytes in use on the device (CUDA), 0 on the CPU
    engine_memory: int  # resident bytes of the engine process
    engine_ms: float
    steps: int = 0  # of the sampler, with which the picture was made; 0 where there is none
    rms: float = 0.0  # difference views: root mean square difference in the range of the pixels, 0..1
    remarks: dict[str, Remark] = {}  # name of a control → what has to be known of its picture


class Frames(msgspec.Struct, frozen=True, kw_only=True, tag="frames"):
    """Pictures that were rendered together."""

    frames: tuple[Frame, ...]


class ViewFailed(msgspec.Struct, frozen=True, kw_only=True, tag="view_failed"):
    """The view could not be rendered; ``sentence`` says why and what to do."""

    view_id: int
    revision: int
    sentence: str


class ModelList(msgspec.Struct, frozen=True, kw_only=True, tag="models"):
    request_id: int
    models: tuple[ModelCard, ...]


class MethodList(msgspec.Struct, frozen=True, kw_only=True, tag="methods"):
    request_id: int
    methods: tuple[MethodCard, ...]


class ModelOpened(msgspec.Struct, frozen=True, kw_only=True, tag="model_opened"):
    request_id: int
    card: ModelCard


class ControlsFound(msgspec.Struct, frozen=True, kw_only=True, tag="controls_found"):
    request_id: int
    model: ModelRef
    controls: ControlSetRef
    card: ControlSetCard
    references: tuple[Reference, ...] = ()  # the files that it names, for scene files


class ControlsPreview(msgspec.Struct, frozen=True, kw_only=True, tag="controls_preview"):
    """What a running search has found so far; a view of ``controls`` shows it until a newer preview or the end."""

    request_id: int
    model: ModelRef
    controls: ControlSetRef
    card: ControlSetCard


class FileDescribed(msgspec.Struct, frozen=True, kw_only=True, tag="file_described"):
    """``card``: what the file holds for the model; None where it may be a model, and no format of others has it."""

    request_id: int
    card: ImportCard | None = None


class PathRead(msgspec.Struct, frozen=True, kw_only=True, tag="path_read"):
    """``points``: of the path, in their order."""

    request_id: int
    points: tuple[StoredLatent, ...]


class PlacesFound(msgspec.Struct, frozen=True, kw_only=True, tag="places_found"):
    """``places``: name → where the picture stands, of the controls along which it has a value."""

    request_id: int
    places: dict[str, ControlPlace]


class OutcomeFound(msgspec.Struct, frozen=True, kw_only=True, tag="outcome_found"):
    """``outcome`` as it was asked for."""

    request_id: int
    outcome: Outcome


class LandscapeDrawn(msgspec.Struct, frozen=True, kw_only=True, tag="landscape_drawn"):
    """``landscape`` as it was asked for."""

    request_id: int
    landscape: Landscape


class Exported(msgspec.Struct, frozen=True, kw_only=True, tag="exported"):
    """``note``: a sentence about what is in the file."""

    request_id: int
    path: str
    seconds: float
    note: str = ""


class Measured(msgspec.Struct, frozen=True, kw_only=True, tag="measured"):
    request_id: int
    model: ModelRef
    report: MeasureReport


class Compared(msgspec.Struct, frozen=True, kw_only=True, tag="compared"):
    request_id: int
    model: ModelRef
    report: CompareReport


class EffectsScanned(msgspec.Struct, frozen=True, kw_only=True, tag="effects_scanned"):
    request_id: int
    model: ModelRef
    report: EffectReport


class SamplesDrawn(msgspec.Struct, frozen=True, kw_only=True, tag="samples"):
    """``pictures``: packed RGB rows, ``height * width * 3`` bytes, one for each of ``seeds``."""

    request_id: int
    model: ModelRef
    seeds: tuple[int, ...]
    width: int
    height: int
    pictures: tuple[bytes, ...]


class ProbeTrained(msgspec.Struct, frozen=True, kw_only=True, tag="probe"):
    """How well a probe of the labels of ``attribute`` tells labels that it did not learn: the share right, with its
    95 % interval; ``chance``: what always saying the more frequent label has right."""

    request_id: int
    attribute: str
    accuracy: float
    chance: float
    low: float
    high: float
    n_positive: int
    n_negative: int


class AttributeList(msgspec.Struct, frozen=True, kw_only=True, tag="attributes"):
    request_id: int
    name: str  # of the reader
    attributes: tuple[AttributeCard, ...]


class JobProgress(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """``share`` 0..1; ``remaining`` seconds, negative while unknown. A job that waits for another has a title
    that begins with "Waiting"."""

    request_id: int
    title: str
    share: float
    remaining: float


class Stopped(msgspec.Struct, frozen=True, kw_only=True, tag="stopped"):
    """The job ended because the user cancelled it; nothing is left behind."""

    request_id: int


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """The request failed; ``sentence`` is for the user. ``kind`` tells the window whether the fault is the user's
    file or ours."""

    request_id: int
    sentence: str
    kind: Literal["input", "internal"] = "input"
    reasons: tuple[FamilyVerdict, ...] = ()  # when a model was not recognised


Reply = (
    Ready | Frames | ViewFailed | ModelList | MethodList | ModelOpened | ControlsFound | ControlsPreview | PlacesFound
    | LandscapeDrawn | OutcomeFound
    | FileDescribed | PathRead
    | Exported | Measured | Compared | EffectsScanned | SamplesDrawn | ProbeTrained | AttributeList
    | JobProgress | Stopped | Refused
)  # fmt: skip


class EngineLost(msgspec.Struct, frozen=True, kw_only=True):
    """Made by the client, never sent: the engine process ended by itself. ``restarting`` tells whether a new one is
    coming."""

    sentence: str
    restarting: bool


encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode
