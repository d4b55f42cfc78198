"""The engine: turns views into pictures, in process. Used by the service, the export, the command line and the
tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, RLock
from typing import TypeVar, cast

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.checkpoint import free_memory
from explorer.controls.base import Moves, WeightEdits
from explorer.controls.control_set import ControlSet
from explorer.discovery import registry as methods
from explorer.engine import causes
from explorer.engine.control_store import ControlStore, Waiting
from explorer.engine.landscape import landscape
from explorer.engine.origins import latent_of, own_picture_of
from explorer.engine.painting import paint
from explorer.engine.points import (
    PictureKey,
    Point,
    Sets,
    check_finite,
    drawn,
    ending,
    moves_of,
    needs_controls,
    picture_key,
    points_of,
    steps_of,
    with_others,
)
from explorer.engine.ready_sets import with_sets
from explorer.engine.starts import Starts, moved, places
from explorer.engine.trajectory import trajectory
from explorer.engine.truth import true_picture
from explorer.engine.turns import TakingTurns
from explorer.errors import SceneError
from explorer.generators import registry as generators
from explorer.generators.base import Generator, Latent, Progress
from explorer.generators.devices import choose_device, device_clock
from explorer.generators.editing import by_weights, reweighted, stacked
from explorer.generators.opening import memory_needed
from explorer.inversion.base import Preview
from explorer.inversion.invert import Inverted, invert
from explorer.inversion.own_picture import Seen, original_of
from explorer.inversion.registry import with_inversions
from explorer.memory import BoundedCache
from explorer.metrics.base import shared as parts
from explorer.metrics.encoding import fitting_worlds
from explorer.outputs.registry import output_of
from explorer.scene.cards import ControlPlace, ModelCard, Remark
from explorer.scene.causes import Outcome
from explorer.scene.comparison import CompareOptions, CompareReport
from explorer.scene.effects import EffectOptions, EffectReport
from explorer.scene.inversion import InversionOptions
from explorer.scene.landscape import Landscape, Plane
from explorer.scene.measures import MeasureOptions, MeasureReport
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Quality, Start, View
from explorer.scene.picture_check import CheckQuestion, PictureCheck
from explorer.scene.trajectory import Trajectory

Result = TypeVar("Result")
MODELS_KEPT = 6  # as many may stand side by side without being loaded anew for every picture
PICTURE_BYTES = 64 << 20
"""Of the pictures that are kept."""
LARGEST_BATCH = 32

SEARCHING_AND_SCANNING = (0.2, 0.8)
"""How long the two take of an effect scan whose controls have to be found first."""


@dataclass(frozen=True)
class Picture:
    """A rendered view: ``bgrx`` (H, W, 4) uint8, and what it took. ``rms``: of a difference view, 0..1; else 0.
    ``steps``: of the sampler; 0 where there is none. ``remarks``: name → what has to be known of a control or a prompt.
    """

    bgrx: NDArray[np.uint8]
    rms: float
    forward_ms: float
    convert_ms: float
    batch: int
    steps: int
    remarks: dict[str, Remark]


class Engine:
    """Loads generators, finds controls, renders views. Calls from several threads take turns at the device."""

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device or choose_device()
        self._turn = RLock()
        self._loading = Lock()
        self._loads: dict[tuple[str, str], RLock] = {}  # model → whoever loads it; others go on meanwhile
        self._generators: BoundedCache[tuple[str, str], TakingTurns] = BoundedCache(MODELS_KEPT)
        self._controls = ControlStore(lambda model: self.generator(model), self.shared)
        self._starts = Starts()
        self._pictures: BoundedCache[PictureKey, tuple[Tensor, dict[str, Remark]]] = BoundedCache(
            PICTURE_BYTES, lambda kept: kept[0].nbytes
        )

    # --- what there is -------------------------------------------------------------------------------------------

    def generator(self, model: ModelRef, progress: Progress | None = None) -> Generator:
        """The loaded generator of ``model``. ``progress``: as in :func:`explorer.generators.registry.load`. Raises
        :class:`explorer.errors.ModelError` with one sentence."""
        return self._loaded(model, progress).generator

    def shared(self, model: ModelRef) -> Generator:
        """The generator of ``model`` for long work: each of its calls waits for its turn at the device, so that the
        live view goes on. The same for as long as the model is kept, as is what others keep with it."""
        return cast(Generator, self._loaded(model))

    def _loaded(self, model: ModelRef, progress: Progress | None = None) -> TakingTurns:
        path = str(generators.resolve(model.path, model.fingerprint))
        key = (path, model.family)
        if (found := self._generators.get(key)) is not None:
            return found
        with self._loading:
            turn = self._loads.setdefault(key, RLock())
        with turn:
            found = self._generators.get(key)
            if found is None:
                self._make_room(Path(path))
                # A view may ask for it while it draws: weights made in inference mode would never have a gradient.
                with torch.inference_mode(False):
                    loaded = generators.load(path, self.device, model.family, progress)
                found = TakingTurns(loaded, self._turn)
                self._generators.put(key, found)
        return found

    def _make_room(self, path: Path) -> None:
        """Forget generators where the one at ``path`` fits only without them: those used least recently, as few as
        will do, and never the one used last, which is on the screen. None where that would not do."""
        missing = memory_needed(path) - free_memory()
        dropped: list[tuple[str, str]] = []
        for key, kept in self._generators.items()[:-1]:
            if missing > 0:
                dropped.append(key)
                missing -= kept.generator.card.memory
        if missing <= 0:
            for key in dropped:
                self._generators.drop(key)

    def describe(self, model: ModelRef) -> ModelCard:
        """The card of ``model`` from its headers alone, with the methods that fit it, why the others do not, and the
        control sets that come with it."""
        path = str(generators.resolve(model.path, model.fingerprint))
        return with_inversions(with_sets(methods.with_methods(generators.describe(path, model.family))))

    def card(self, model: ModelRef, progress: Progress | None = None) -> ModelCard:
        """The card of ``model``, loaded and found sound, with the methods that fit it, why the others do not, the
        control sets that come with it, and the worlds. ``progress``: as in :meth:`generator`."""
        generator = self.generator(model, progress)
        card = with_inversions(with_sets(methods.with_methods(generator.card)))
        return msgspec.structs.replace(card, worlds=fitting_worlds(generator))

    def control_set(
        self,
        model: ModelRef,
        controls: ControlSetRef,
        progress: Progress | None = None,
        waiting: Waiting | None = None,
    ) -> ControlSet:
        """The control set ``controls`` of ``model``: read from its file, from the cache, or discovered now.

        ``progress`` may be a :class:`explorer.discovery.base.Watch`, which also takes previews. ``waiting`` is called
        while another search is at the device. Raises :class:`ControlError` when the method or the file does not fit the
        model.
        """
        return self._controls.find(model, controls, progress, waiting).controls

    def digest_of(self, model: ModelRef, controls: ControlSetRef) -> str:
        """SHA-256 of the file that ``controls`` name, as it was when it was read; empty where they name none. Raises as
        :meth:`control_set` does."""
        if not controls.path:
            return ""
        plain = ControlSetRef(path=controls.path, digest=controls.digest, settings=controls.settings)
        return self._controls.find(model, plain).sha256

    def measure(
        self, models: Sequence[ModelRef], options: MeasureOptions, progress: Progress | None = None
    ) -> list[MeasureReport]:
        """The measures of ``models``, a report each: :func:`explorer.metrics.report.measure_models`."""
        # Here, because the measures bring scikit-learn, and no picture should wait for that.
        from explorer.metrics.report import measure_models

        return measure_models([self.shared(model) for model in models], options, progress)

    def self_test(
        self,
        model: ModelRef,
        controls: ControlSetRef,
        n: int = 0,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> MeasureReport:
        """Whether the controls of a set do anything: :func:`explorer.comparison.self_test.self_test`, on ``n`` pictures
        (0: as many as it takes by itself)."""
        from explorer.comparison.self_test import PICTURES, self_test

        searching, testing = parts(progress, SEARCHING_AND_SCANNING)
        chosen = self.control_set(model, controls, searching)
        searching(1.0)
        return self_test(self.shared(model), chosen, n or PICTURES, seed, testing)

    def compare(
        self,
        models: Sequence[ModelRef],
        options: CompareOptions,
        progress: Progress | None = None,
        scheduler: str = "",
        waiting: Waiting | None = None,
    ) -> list[CompareReport]:
        """Methods side by side on ``models``, a report each: :func:`explorer.comparison.table.compare`. ``waiting``: as
        in :meth:`control_set`."""
        # Here, because it brings scipy and every method, and no picture should wait for that.
        from explorer.comparison.table import Subject, compare

        def find(model: ModelRef, controls: ControlSetRef, share: Progress | None) -> ControlSet:
            return self.control_set(model, controls, share, waiting)

        subjects = [Subject(model, self.shared(model), find) for model in models]
        return compare(subjects, options, progress, scheduler)

    def effects(
        self,
        model: ModelRef,
        controls: ControlSetRef,
        options: EffectOptions,
        progress: Progress | None = None,
        waiting: Waiting | None = None,
    ) -> EffectReport:
        """What the controls of a set cause: :func:`explorer.comparison.effect_report.effects`. ``waiting``: as in
        :meth:`control_set`."""
        # Here, because it brings scipy, and no picture should wait for that.
        from explorer.comparison.effect_report import effects
        from explorer.comparison.effect_scan import check

        check(options)
        searching, scanning = parts(progress, SEARCHING_AND_SCANNING)
        chosen = self.control_set(model, controls, searching, waiting)
        searching(1.0)
        return effects(model, controls, self.shared(model), chosen, options, scanning)

    def places(
        self,
        model: ModelRef,
        controls: ControlSetRef,
        start: Start,
        edits: tuple[Edit, ...] = (),
    ) -> dict[str, ControlPlace]:
        """Name → where the picture that starts at ``start`` stands along each control of the set along which it has
        a value, and how far its slider reaches from there. ``edits`` made in spaces before a control's own count, as
        they do for the picture (:func:`explorer.generators.editing.edited`). Raises as :meth:`control_set` does."""
        chosen, generator = self.control_set(model, controls), self.generator(model)
        with self._turn, torch.inference_mode():
            return places(generator, chosen, latent_of(generator, start), edits)

    def outcome(
        self,
        model: ModelRef,
        controls: ControlSetRef,
        start: Start,
        edits: tuple[Edit, ...] = (),
        spreads: bool = False,
    ) -> Outcome:
        """:func:`explorer.engine.causes.outcome` of the picture that starts at ``start``. Raises as
        :meth:`control_set` does, and where the set sets no variables."""
        chosen, generator = self.control_set(model, controls), self.generator(model)
        with self._turn, torch.inference_mode():
            return causes.outcome(generator, chosen, latent_of(generator, start), edits, spreads)

    def picture_check(self, model: ModelRef, question: CheckQuestion, progress: Progress | None = None) -> PictureCheck:
        """:func:`explorer.engine.picture_check.picture_check` of the picture that ``question`` names. Raises as it and
        :meth:`control_set` do."""
        from explorer.engine.picture_check import picture_check  # with the metrics, which no picture should wait for

        chosen, generator = self.control_set(model, question.controls), self.shared(model)
        with torch.inference_mode():
            latent = latent_of(generator, question.start)
            psi = question.start.truncation_psi
            return picture_check(generator, chosen, latent, question.edits, psi, progress)

    def inverted(
        self,
        model: ModelRef,
        source: Path | bytes,
        name: str,
        options: InversionOptions,
        progress: Progress | None = None,
        preview: Preview | None = None,
        on_read: Callable[[Seen], None] | None = None,
    ) -> Inverted:
        """:func:`explorer.inversion.invert.invert` on ``model``, beside the live view."""
        return invert(self.shared(model), source, name, options, progress, preview, on_read)

    def landscape(
        self,
        model: ModelRef,
        controls: ControlSetRef,
        start: Start,
        edits: tuple[Edit, ...],
        control: str,
        plane: Plane,
        time: float | None = None,
    ) -> Landscape:
        """:func:`explorer.engine.landscape.landscape` of the picture that starts at ``start``, with the controls
        that a picture is drawn with: those found so far, where a search goes on. Raises as :meth:`control_set` does,
        and for what has no path."""
        chosen, generator = self._controls.shown(model, controls).controls, self.shared(model)
        with torch.inference_mode():  # without the device for all of it: pictures do not wait for a landscape
            return landscape(generator, chosen, latent_of(generator, start), edits, control, plane, time)

    def in_turn(self, model: ModelRef, work: Callable[[Generator], Result]) -> Result:
        """What ``work`` makes of the generator of ``model``, with the device for all of it."""
        generator = self.generator(model)
        with self._turn, torch.inference_mode():
            return work(generator)

    def with_point(self, view: View, work: Callable[[Generator, Generator, Latent, Quality], Result]) -> Result:
        """What ``work`` makes, with the device for all of it, of the picture of ``view``: of the model's generator, the
        one that draws it, which may have other weights, the point that is drawn (batch 1), and the quality. Raises as
        :meth:`render` does."""
        point, moves = self._moved(view)

        def drawn_from(generator: Generator) -> Result:
            drawing, latent = moved(generator, self._starts, point, moves)
            return work(generator, drawing, stacked(drawing, [latent]), point.quality)

        return self.in_turn(view.model, drawn_from)

    def trajectory(self, view: View, most: int, side: int, check: Callable[[], None] = lambda: None) -> Trajectory:
        """:func:`explorer.engine.trajectory.trajectory` of the picture of ``view``, beside the live view. Raises as it
        and :meth:`render` do."""
        point, moves = self._moved(view)
        with torch.inference_mode():  # each step has its own turn at the device
            return trajectory(self.shared(view.model), self._starts, point, moves, most, side, check)

    def _moved(self, view: View) -> tuple[Point, Moves]:
        """What ``view`` shows in the end, and how it is moved, with the controls that it is drawn with."""
        needed = [(view.model, view.controls)] if needs_controls(view) else []
        sets = {one: self._controls.shown(*one) for one in needed}
        point = points_of(view, sets)[-1]
        return point, moves_of(point, sets)

    # --- pictures ------------------------------------------------------------------------------------------------

    def render(
        self,
        views: Sequence[View],
        exact: bool = False,
        live: bool = False,
        height: int = 0,
        is_awaited: Callable[[View], bool] | None = None,
    ) -> list[Picture]:
        """One picture per view; views of one generator and quality are rendered as one batch.

        ``exact``: no cached pictures, so that the same views in the same order give the same bits on the same machine
        (a float depends on the batch that it was computed in). ``live``: somebody looks on, so a view whose controls
        are still being searched for shows those found so far (:meth:`ControlStore.shown`), and is refused where there
        are none; else the search is awaited. ``height``: what the pictures will be scaled to, for kinds of output that
        are drawn (:meth:`explorer.outputs.base.Output.picture`). ``is_awaited`` is asked after every step of a sampler:
        where no view of the batch is awaited any more, this raises :class:`Overtaken`. Raises :class:`ExplorerError`
        with one sentence.
        """
        # Before the turn at the device is taken: a search may have to take some first.
        find = self._controls.shown if live else self._controls.find
        needed = dict.fromkeys((view.model, view.controls) for view in with_others(views) if needs_controls(view))
        sets = {one: find(*one) for one in needed}
        points_by_view = {view: points_of(view, sets) for view in views}
        all_points = {point: None for points in points_by_view.values() for point in points}
        pictures: dict[Point, Tensor] = {}
        forward_ms: dict[Point, float] = {}
        batches: dict[Point, int] = {}
        steps: dict[Point, int] = {}
        remarks: dict[Point, dict[str, Remark]] = {}
        with self._turn, torch.inference_mode():
            for generator, points in self._grouped(all_points):
                keys = {point: picture_key(generator, point, sets) for point in points}
                steps.update(dict.fromkeys(points, steps_of(generator, points[0].quality)))
                missing = []
                for point in points:
                    cached = None if exact else self._pictures.get(keys[point])
                    if cached is None:
                        missing.append(point)
                    else:
                        pictures[point], remarks[point] = cached
                for weights, chunk, moves in self._chunks(missing, sets):
                    clock = device_clock(self.device)
                    drawing = reweighted(generator, weights)
                    remarks |= {point: {} for point in chunk}
                    edits = [
                        self._starts.edited(drawing, point, moves[point], not weights, remarks[point])
                        for point in chunk
                    ]
                    after_step = ending(points_by_view, chunk, is_awaited)
                    rendered = drawn(drawing, stacked(drawing, edits), chunk[0].quality, after_step)
                    milliseconds = clock()
                    check_finite(rendered, chunk)
                    for row, point in zip(rendered, chunk, strict=True):
                        pictures[point] = row
                        forward_ms[point], batches[point] = milliseconds, len(chunk)
                        if not exact:
                            own = row if len(chunk) == 1 else row.clone()  # a row holds all of its batch
                            self._pictures.put(keys[point], (own, remarks[point]))
            clock = device_clock(self.device)
            painted = paint(
                [
                    (
                        view,
                        output_of(self.generator(view.model).card),
                        self._outputs(view, [pictures[point][None] for point in points_by_view[view]], sets),
                    )
                    for view in views
                ],
                height,
            )
            convert_ms = clock()
        return [
            Picture(
                bgrx,
                rms,
                max(forward_ms.get(point, 0.0) for point in points_by_view[view]),
                convert_ms,
                max(batches.get(point, 0) for point in points_by_view[view]),
                steps[points_by_view[view][-1]],
                remarks[points_by_view[view][-1]],
            )
            for view, (bgrx, rms) in zip(views, painted, strict=True)
        ]

    def _outputs(self, view: View, outputs: list[Tensor], sets: Sets) -> list[Tensor]:
        """What is shown of ``view``, a batch of one each: the ``outputs`` of its points, or in their place the truth,
        or the picture that was to be met."""
        if view.against is not None:
            cards = [self.generator(one.model).card for one in (view, view.against)]
            if (cards[0].kind, cards[0].shape) != (cards[1].kind, cards[1].shape):
                raise SceneError(
                    f"'{cards[0].name}' makes {cards[0].output.description} and '{cards[1].name}' "
                    f"{cards[1].output.description}; there is a difference only between outputs of one size."
                )
        if view.view == "original":
            return [original_of(own_picture_of(view.start.origin), self.generator(view.model).card).to(self.device)]
        if view.view != "truth":
            return outputs
        generator, controls = self.generator(view.model), sets[view.model, view.controls].controls
        return [true_picture(generator, controls, latent_of(generator, view.start), view.edits)]

    def _grouped(self, points: dict[Point, None]) -> Iterator[tuple[Generator, list[Point]]]:
        """Points by generator and quality, in the order in which they were asked for."""
        groups: dict[tuple[ModelRef, Quality], list[Point]] = {}
        for point in points:
            groups.setdefault((point.model, point.quality), []).append(point)
        for (model, _), members in groups.items():
            yield self.generator(model), members

    def _chunks(
        self, points: Sequence[Point], sets: Sets
    ) -> Iterator[tuple[WeightEdits, list[Point], dict[Point, Moves]]]:
        """``points`` in batches of those that one set of weights draws, at most :data:`LARGEST_BATCH` in each, and how
        each of them is moved."""
        moves: dict[Point, Moves] = {}
        groups: dict[WeightEdits, list[Point]] = {}
        for point in points:
            moves[point] = moves_of(point, sets)
            (weights,) = by_weights(moves[point], 1)
            groups.setdefault(weights, []).append(point)
        for weights, members in groups.items():
            for start in range(0, len(members), LARGEST_BATCH):
                yield weights, members[start : start + LARGEST_BATCH], moves
