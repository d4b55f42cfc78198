"""What the window asks of the engine process: frozen structs, packed as msgpack. No torch, no Qt."""

from __future__ import annotations

import msgspec

from explorer.scene.causal_graph import CausalGraph, Edge
from explorer.scene.comparison import CompareOptions, CompareReport
from explorer.scene.effects import EffectQuestion, EffectReport
from explorer.scene.inversion import InversionOptions
from explorer.scene.labels import Labels
from explorer.scene.landscape import Plane
from explorer.scene.measures import MeasureOptions, MeasureReport
from explorer.scene.model import (
    ChosenControl,
    ControlSetRef,
    Edit,
    ModelRef,
    Scalar,
    Scene,
    Start,
    View,
)
from explorer.scene.picture_check import CheckQuestion


class ViewRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Render ``view`` for the pane ``view_id``. ``revision`` grows with every request of the client.

    ``asked`` is the client's ``time.perf_counter()`` when the state was set, and comes back with the frame.
    """

    view_id: int
    revision: int
    asked: float
    view: View


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


class ListFolder(msgspec.Struct, frozen=True, kw_only=True, tag="list_folder"):
    """The models in ``folder``, of which headers alone are read; answered by :class:`FolderListed`."""

    request_id: int
    folder: str


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
    """Where the picture that starts at ``start`` stands along the controls of ``controls``; answered by
    :class:`PlacesFound`. ``edits``: those of the pane, of which the ones in earlier spaces count."""

    request_id: int
    model: ModelRef
    controls: ControlSetRef
    start: Start
    edits: tuple[Edit, ...] = ()


class DrawLandscape(msgspec.Struct, frozen=True, kw_only=True, tag="draw_landscape"):
    """The path of a control and the field that it follows, on a plane; answered by :class:`LandscapeDrawn`, or by
    :class:`Refused`. ``time``: of the field; None: when the path begins."""

    request_id: int
    model: ModelRef
    controls: ControlSetRef
    start: Start
    edits: tuple[Edit, ...]
    control: str
    plane: Plane
    time: float | None = None


class DrawTrajectory(msgspec.Struct, frozen=True, kw_only=True, tag="draw_trajectory"):
    """What the sampler predicts at each step of the picture of ``view``; answered by :class:`TrajectoryDrawn`,
    :class:`Stopped` or :class:`Refused`. ``most``: of the steps are shown, evenly chosen (0: all); ``side``: pixels of
    the longer side of a picture, at most."""

    request_id: int
    view: View
    most: int = 0
    side: int = 96


class FindOutcome(msgspec.Struct, frozen=True, kw_only=True, tag="find_outcome"):
    """The variables of a picture without and with the do() of ``edits``; answered by :class:`OutcomeFound`, or by
    :class:`Refused` where the set sets no variables. ``spreads``: with what doing and seeing say as numbers."""

    request_id: int
    model: ModelRef
    controls: ControlSetRef
    start: Start
    edits: tuple[Edit, ...]
    spreads: bool = False


class FindUnsteadiness(msgspec.Struct, frozen=True, kw_only=True, tag="find_unsteadiness"):
    """How unusual the picture of ``view`` is among those that its model draws by itself; a job, answered by progress,
    while these are drawn for the first time, and :class:`UnsteadinessFound`. Cancelled, it goes on there when it is
    asked again."""

    request_id: int
    view: View


class DescribeCauses(msgspec.Struct, frozen=True, kw_only=True, tag="describe_causes"):
    """How the variables that the set ``controls`` sets are distributed, and how well their mechanisms describe that;
    answered by :class:`CausesDescribed`, or by :class:`Refused` where it sets none."""

    request_id: int
    model: ModelRef
    controls: ControlSetRef


class CheckGraph(msgspec.Struct, frozen=True, kw_only=True, tag="check_graph"):
    """What the rows of ``model`` say about the independences that ``graph`` implies; answered by
    :class:`GraphChecked`. ``controls``: the set whose rows these are where it has some of its own."""

    request_id: int
    model: ModelRef
    graph: CausalGraph
    controls: ControlSetRef | None = None


class FindEffect(msgspec.Struct, frozen=True, kw_only=True, tag="find_effect"):
    """What ``graph`` and the rows of ``model`` say about the effect of ``cause`` on ``effect``; a job, answered by
    progress and :class:`EffectFound`. ``values``: to which the cause is set, first and then; None: what is usual;
    ``controls``: as of :class:`CheckGraph`."""

    request_id: int
    model: ModelRef
    graph: CausalGraph
    cause: str
    effect: str
    values: tuple[float, float] | None = None
    controls: ControlSetRef | None = None


class SuggestArrows(msgspec.Struct, frozen=True, kw_only=True, tag="suggest_arrows"):
    """Which arrows the rows of ``model`` suggest beside those of ``graph``; a job, answered by progress and
    :class:`ArrowsSuggested`. ``method``: of :mod:`explorer.causal.suggestion`; ``forbidden``: arrows that are not;
    ``controls``: as of :class:`CheckGraph`."""

    request_id: int
    model: ModelRef
    graph: CausalGraph
    method: str
    forbidden: tuple[Edge, ...] = ()
    controls: ControlSetRef | None = None


class CheckPicture(msgspec.Struct, frozen=True, kw_only=True, tag="check_picture"):
    """How far the counterfactual of one picture may be trusted; a job, answered by progress and
    :class:`PictureChecked`."""

    request_id: int
    model: ModelRef
    question: CheckQuestion


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
    """Write a control set of one's own to ``path`` (.safetensors, .npz, .npy, or an adapter's ending): the ``chosen``
    controls of one or several sets of ``model``, in this order; answered by :class:`Exported`. ``title``: what the set
    is called.
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


class InvertPicture(msgspec.Struct, frozen=True, kw_only=True, tag="invert_picture"):
    """Find the point of ``model`` for the picture in the file ``path``, or in ``data``, the bytes of one, which the
    user knows as ``name``; a job, answered by progress, :class:`InversionPreview` and :class:`PictureInverted`.
    Cancelled, it answers with the best that it has."""

    request_id: int
    model: ModelRef
    name: str
    path: str = ""
    data: bytes = b""
    options: InversionOptions = InversionOptions()


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
    | ListFolder
    | ListMethods
    | OpenModel
    | FindControls
    | DescribeFile
    | ReadPath
    | FindPlaces
    | DrawLandscape
    | DrawTrajectory
    | FindOutcome
    | FindUnsteadiness
    | CheckPicture
    | DescribeCauses
    | CheckGraph
    | FindEffect
    | SuggestArrows
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
    | InvertPicture
    | Cancel
    | Shutdown
)
