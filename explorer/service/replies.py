"""What the engine process answers: frozen structs, packed as msgpack. No torch, no Qt.

A frame's pixels do not travel in a message: the client owns a ring of shared memory, the server paints into a free
slot, :class:`Frames` says where, and :class:`explorer.service.requests.Release` gives the slot back. Everything else
fits in a message.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from explorer.causal.effect_answer import EffectAnswer
from explorer.causal.model_report import CausesReport, GraphCheck
from explorer.causal.suggested import Suggestion
from explorer.export.carried import Reference
from explorer.scene.cards import (
    AttributeCard,
    ControlPlace,
    ControlSetCard,
    FamilyVerdict,
    FileUse,
    ListedModel,
    MethodCard,
    ModelCard,
    Remark,
)
from explorer.scene.causes import Outcome
from explorer.scene.comparison import CompareReport
from explorer.scene.effects import EffectReport
from explorer.scene.imports import ImportCard
from explorer.scene.landscape import Landscape
from explorer.scene.measures import MeasureReport
from explorer.scene.model import (
    ControlSetRef,
    ModelRef,
    StoredLatent,
)
from explorer.scene.picture_check import PictureCheck
from explorer.scene.trajectory import Trajectory
from explorer.scene.unsteadiness import Unsteadiness


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
    remarks: dict[str, Remark] = {}  # name of a control, or of a prompt → what has to be known of its picture


class Frames(msgspec.Struct, frozen=True, kw_only=True, tag="frames"):
    """Pictures that were rendered together."""

    frames: tuple[Frame, ...]


class ViewFailed(msgspec.Struct, frozen=True, kw_only=True, tag="view_failed"):
    """The view could not be rendered; ``sentence`` says why and what to do."""

    view_id: int
    revision: int
    sentence: str


class ModelList(msgspec.Struct, frozen=True, kw_only=True, tag="models"):
    """``plugin_problems``: name of an installed family that could not be loaded → why, in one sentence."""

    request_id: int
    models: tuple[ModelCard, ...]
    plugin_problems: dict[str, str] = {}


class FolderListed(msgspec.Struct, frozen=True, kw_only=True, tag="folder_listed"):
    request_id: int
    folder: str
    models: tuple[ListedModel, ...]


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


class UnsteadinessFound(msgspec.Struct, frozen=True, kw_only=True, tag="unsteadiness_found"):
    """``unsteadiness`` as it was asked for."""

    request_id: int
    unsteadiness: Unsteadiness


class CausesDescribed(msgspec.Struct, frozen=True, kw_only=True, tag="causes_described"):
    request_id: int
    report: CausesReport


class GraphChecked(msgspec.Struct, frozen=True, kw_only=True, tag="graph_checked"):
    request_id: int
    check: GraphCheck


class EffectFound(msgspec.Struct, frozen=True, kw_only=True, tag="effect_found"):
    request_id: int
    answer: EffectAnswer


class ArrowsSuggested(msgspec.Struct, frozen=True, kw_only=True, tag="arrows_suggested"):
    """``suggestion`` as it was asked for; its arrows count for nothing."""

    request_id: int
    suggestion: Suggestion


class LandscapeDrawn(msgspec.Struct, frozen=True, kw_only=True, tag="landscape_drawn"):
    """``landscape`` as it was asked for."""

    request_id: int
    landscape: Landscape


class TrajectoryDrawn(msgspec.Struct, frozen=True, kw_only=True, tag="trajectory_drawn"):
    """``trajectory`` as it was asked for."""

    request_id: int
    trajectory: Trajectory


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


class PictureChecked(msgspec.Struct, frozen=True, kw_only=True, tag="picture_checked"):
    request_id: int
    model: ModelRef
    report: PictureCheck


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


class InversionPreview(msgspec.Struct, frozen=True, kw_only=True, tag="inversion_preview"):
    """The best that a running inversion has. ``original``: a PNG of the picture as the model is to draw it, and
    ``reading``, how it came from the file; ``picture``: a PNG of what the model draws of the best point so far, empty
    before there is one, ``psnr`` decibels from the original."""

    request_id: int
    original: bytes
    reading: str
    picture: bytes = b""
    psnr: float = 0.0


class PictureInverted(msgspec.Struct, frozen=True, kw_only=True, tag="picture_inverted"):
    """``point``: with the picture that it was found for; ``picture``: a PNG of what the model draws of it; ``stopped``:
    the search was ended early, and this is the best that it had; ``note``: that, in a sentence."""

    request_id: int
    model: ModelRef
    point: StoredLatent
    picture: bytes
    stopped: bool = False
    note: str = ""


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
    use: FileUse | None = None  # what the file is good for instead


Reply = (
    Ready | Frames | ViewFailed | ModelList | MethodList | ModelOpened | ControlsFound | ControlsPreview | PlacesFound
    | LandscapeDrawn | TrajectoryDrawn | OutcomeFound | UnsteadinessFound | CausesDescribed | GraphChecked | EffectFound
    | ArrowsSuggested
    | FileDescribed | PathRead | FolderListed
    | Exported | Measured | Compared | EffectsScanned | PictureChecked | SamplesDrawn | ProbeTrained | AttributeList
    | InversionPreview | PictureInverted
    | JobProgress | Stopped | Refused
)  # fmt: skip


class EngineLost(msgspec.Struct, frozen=True, kw_only=True):
    """Made by the client, never sent: the engine process ended by itself. ``restarting`` tells whether a new one is
    coming."""

    sentence: str
    restarting: bool


class EngineSilent(msgspec.Struct, frozen=True, kw_only=True):
    """Made by the client, never sent: the engine process takes longer than usual to start, or does not start at
    all. It is waited for."""

    sentence: str
