"""The engine: turns views into pictures, in process. Used by the service, the export, the command line and the
tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import cast

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.controls.base import WEIGHTS, Control, Moves, StartBound, WeightEdits
from explorer.controls.control_set import ControlSet
from explorer.discovery import registry as methods
from explorer.engine.cache import BoundedCache
from explorer.engine.control_store import ControlStore, Kept, Waiting
from explorer.engine.convert import to_bgrx
from explorer.engine.origins import latent_of
from explorer.engine.turns import TakingTurns
from explorer.generators import registry as generators
from explorer.generators.base import Generator, Latent, Progress, Stepwise
from explorer.generators.devices import choose_device, device_clock
from explorer.generators.editing import Prepare, by_weights, edited, prepared_anew, reweighted, stacked
from explorer.metrics.encoding import fitting_worlds
from explorer.numerics.samplers import Callback
from explorer.outputs.base import Output
from explorer.outputs.registry import output_of
from explorer.scene.cards import ControlPlace, ModelCard
from explorer.scene.comparison import CompareOptions, CompareReport
from explorer.scene.measures import MeasureOptions, MeasureReport
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Origin, Quality, View

MODELS_KEPT = 3
PICTURES_KEPT = 512
MAPPED_KEPT = 256
PREPARED_KEPT = 64
LARGEST_BATCH = 32


@dataclass(frozen=True)
class Picture:
    """A rendered view: ``bgrx`` (H, W, 4) uint8, and what it took. ``rms``: of a difference view, 0..1; else 0.
    ``steps``: of the sampler; 0 where there is none."""

    bgrx: NDArray[np.uint8]
    rms: float
    forward_ms: float
    convert_ms: float
    batch: int
    steps: int


class Overtaken(Exception):
    """Nobody waits any more for the pictures that are being rendered."""


@dataclass(frozen=True)
class _Point:
    """One picture to compute: an edited origin of one model. Views share points (the "before" of a comparison)."""

    model: ModelRef
    origin: Origin
    truncation_psi: float
    controls: ControlSetRef
    edits: tuple[Edit, ...]
    quality: Quality


def _points(view: View) -> tuple[_Point, ...]:
    """What a view needs: the edited picture, and for comparisons the unedited one before it."""
    # Without edits the control set does not matter, so two methods share their "before".
    controls = view.controls if view.edits else ControlSetRef()
    after = _Point(view.model, view.origin, view.truncation_psi, controls, view.edits, view.quality)
    if view.view == "image":
        return (after,)
    return (_Point(view.model, view.origin, view.truncation_psi, ControlSetRef(), (), view.quality), after)


_PictureKey = tuple[str, _Point, int]
"""Fingerprint of the model, the point, and the serial number of the control set that it was edited with: a set may be a
preview of what a search will find."""
_PreparedKey = tuple[str, Origin, float, int, bytes]
"""Fingerprint of the model, origin, truncation, identity of the control, the point in its space."""
_Sets = dict[tuple[ModelRef, ControlSetRef], Kept]


def _key(generator: Generator, point: _Point, sets: _Sets) -> _PictureKey:
    kept = sets.get((point.model, point.controls))
    return generator.card.fingerprint, point, kept.serial if kept is not None and point.edits else 0


def _controls(point: _Point, sets: _Sets) -> ControlSet | None:
    return sets[point.model, point.controls].controls if point.edits else None


def _steps(generator: Generator, quality: Quality) -> int:
    return len(generator.steps(quality)) if isinstance(generator, Stepwise) else 0


def _drawn(generator: Generator, latent: Latent, quality: Quality, after_step: Callback | None) -> Tensor:
    if after_step is not None and isinstance(generator, Stepwise):
        return generator.render(latent, quality, after_step)
    return generator.render(latent, quality)


def _ending(
    views: Sequence[View], chunk: Sequence[_Point], is_awaited: Callable[[View], bool] | None
) -> Callback | None:
    """Ends a batch of points that no awaited view needs."""
    if is_awaited is None:
        return None
    needing = [view for view in views if not set(chunk).isdisjoint(_points(view))]

    def check(done: int, sample: Tensor) -> None:
        if not any(is_awaited(view) for view in needing):
            raise Overtaken

    return check


class Engine:
    """Loads generators, finds controls, renders views. Calls from several threads take turns at the device."""

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device or choose_device()
        self._turn = RLock()
        self._loading = RLock()
        self._generators: BoundedCache[tuple[str, str], Generator] = BoundedCache(MODELS_KEPT)
        self._controls = ControlStore(lambda model: self.generator(model), self.shared)
        self._mapped: BoundedCache[tuple[str, Origin, float], Latent] = BoundedCache(MAPPED_KEPT)
        # With the control itself, whose identity is part of the key: nothing else may get its number meanwhile.
        self._prepared: BoundedCache[_PreparedKey, tuple[StartBound, Control]] = BoundedCache(PREPARED_KEPT)
        self._pictures: BoundedCache[_PictureKey, Tensor] = BoundedCache(PICTURES_KEPT)

    # --- what there is -------------------------------------------------------------------------------------------

    def generator(self, model: ModelRef, progress: Progress | None = None) -> Generator:
        """The loaded generator of ``model``. Raises :class:`explorer.errors.ModelError` with one sentence."""
        key = (str(generators.resolve(model.path)), model.family)
        with self._loading:
            found = self._generators.get(key)
            if found is None:
                # A view may ask for it while it draws: weights made in inference mode would never have a gradient.
                with torch.inference_mode(False):
                    found = generators.load(model.path, self.device, model.family, progress)
                self._generators.put(key, found)
        return found

    def shared(self, model: ModelRef) -> Generator:
        """The generator of ``model`` for long work: each of its calls waits for its turn at the device, so that the
        live view goes on."""
        return cast(Generator, TakingTurns(self.generator(model), self._turn))

    def describe(self, model: ModelRef) -> ModelCard:
        """The card of ``model`` from its headers alone, with the methods that fit it, and why the others do not."""
        return methods.with_methods(generators.describe(model.path, model.family))

    def card(self, model: ModelRef) -> ModelCard:
        """The card of ``model``, loaded and found sound, with the methods that fit it, why the others do not, and the
        worlds."""
        generator = self.generator(model)
        return msgspec.structs.replace(methods.with_methods(generator.card), worlds=fitting_worlds(generator))

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

    def places(
        self,
        model: ModelRef,
        controls: ControlSetRef,
        origin: Origin,
        truncation_psi: float,
        edits: tuple[Edit, ...] = (),
    ) -> dict[str, ControlPlace]:
        """Name → where the picture that starts from ``origin`` stands along each control of the set along which it has
        a value, and how far its slider reaches from there. ``edits`` made in spaces before a control's own count, as
        they do for the picture (:func:`explorer.generators.editing.edited`). Raises as :meth:`control_set` does."""
        chosen = self.control_set(model, controls)
        placed = [control for control in chosen.controls if control.place is not None]
        generator = self.generator(model)
        names = list(generator.card.spaces)
        with self._turn, torch.inference_mode():
            start = latent_of(generator, origin, truncation_psi)
            points: dict[str, Tensor] = {}
            for space in {control.card.space for control in placed}:
                before = [
                    move for move in chosen.moves(edits) if move.control.card.space in names[: names.index(space)]
                ]
                points[space] = generator.advance(edited(generator, start, before), space).tensors[space]
            return {control.card.name: _place(control, points[control.card.space]) for control in placed}

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
        wanted: dict[_Point, None] = {point: None for view in views for point in _points(view)}
        # Before the turn at the device is taken: a search may have to take some first.
        find = self._controls.shown if live else self._controls.find
        asked = dict.fromkeys((point.model, point.controls) for point in wanted if point.edits)
        sets = {one: find(*one) for one in asked}
        pictures: dict[_Point, Tensor] = {}
        forward_ms: dict[_Point, float] = {}
        batches: dict[_Point, int] = {}
        steps: dict[_Point, int] = {}
        with self._turn, torch.inference_mode():
            for generator, points in self._grouped(wanted):
                keys = {point: _key(generator, point, sets) for point in points}
                steps.update(dict.fromkeys(points, _steps(generator, points[0].quality)))
                missing = []
                for point in points:
                    cached = None if exact else self._pictures.get(keys[point])
                    if cached is None:
                        missing.append(point)
                    else:
                        pictures[point] = cached
                for weights, chunk, moves in self._chunks(missing, sets):
                    clock = device_clock(self.device)
                    drawing = reweighted(generator, weights)
                    edits = [self._edited(drawing, point, moves[point], not weights) for point in chunk]
                    after_step = _ending(views, chunk, is_awaited)
                    rendered = _drawn(drawing, stacked(drawing, edits), chunk[0].quality, after_step)
                    milliseconds = clock()
                    for row, point in zip(rendered, chunk, strict=True):
                        pictures[point] = row
                        forward_ms[point], batches[point] = milliseconds, len(chunk)
                        if not exact:
                            self._pictures.put(keys[point], row)
            clock = device_clock(self.device)
            painted = self._paint(views, pictures, height)
            convert_ms = clock()
        return [
            Picture(
                bgrx,
                rms,
                max(forward_ms.get(point, 0.0) for point in _points(view)),
                convert_ms,
                max(batches.get(point, 0) for point in _points(view)),
                steps[_points(view)[-1]],
            )
            for view, (bgrx, rms) in zip(views, painted, strict=True)
        ]

    def _grouped(self, points: dict[_Point, None]) -> Iterator[tuple[Generator, list[_Point]]]:
        """Points by generator and quality, in the order in which they were asked for."""
        groups: dict[tuple[ModelRef, Quality], list[_Point]] = {}
        for point in points:
            groups.setdefault((point.model, point.quality), []).append(point)
        for (model, _), members in groups.items():
            yield self.generator(model), members

    def _chunks(
        self, points: Sequence[_Point], sets: _Sets
    ) -> Iterator[tuple[WeightEdits, list[_Point], dict[_Point, Moves]]]:
        """``points`` in batches of those that one set of weights draws, at most :data:`LARGEST_BATCH` in each, and how
        each of them is moved."""
        moves: dict[_Point, Moves] = {}
        groups: dict[WeightEdits, list[_Point]] = {}
        for point in points:
            controls = _controls(point, sets)
            moves[point] = controls.moves(point.edits) if controls is not None else []
            (weights,) = by_weights(moves[point], 1)
            groups.setdefault(weights, []).append(point)
        for weights, members in groups.items():
            for start in range(0, len(members), LARGEST_BATCH):
                yield weights, members[start : start + LARGEST_BATCH], moves

    def _edited(self, generator: Generator, point: _Point, moves: Moves, keep: bool) -> Latent:
        """The latent (batch 1) of one point: its origin, mapped once and kept (``keep``: not where ``generator`` has
        other weights), with the edits applied."""
        key = (generator.card.fingerprint, point.origin, point.truncation_psi)
        latent = self._mapped.get(key) if keep else None
        if latent is None:
            latent = latent_of(generator, point.origin, point.truncation_psi)
        names = list(generator.card.spaces)
        spaces = [move.control.card.space for move in moves if move.control.card.space != WEIGHTS]
        first = min(map(names.index, spaces), default=0)
        if first > max(names.index(name) for name in latent.tensors):
            latent = generator.advance(latent, names[first])
        if keep:
            self._mapped.put(key, latent)
        return edited(generator, latent, moves, self._prepared_for(point) if keep else prepared_anew)

    def _prepared_for(self, point: _Point) -> Prepare:
        """Prepares controls for the start of ``point``, and keeps them, so that a drag prepares once. A start is what
        the point is without its edits, and what edits in earlier spaces have made of it: those of the same space come
        after (:func:`explorer.generators.editing.edited`)."""

        def prepare(control: StartBound, generator: Generator, latent: Latent) -> Control:
            space = cast(Control, control).card.space
            start = latent.tensors[space].cpu().numpy().tobytes()
            key = (generator.card.fingerprint, point.origin, point.truncation_psi, id(control), start)
            kept = self._prepared.get(key)
            if kept is None:
                kept = (control, control.prepare(generator, latent))
                self._prepared.put(key, kept)
            return kept[1]

        return prepare

    def _paint(
        self, views: Sequence[View], outputs: dict[_Point, Tensor], height: int
    ) -> list[tuple[NDArray[np.uint8], float]]:
        """Bytes of every view; pictures of one size are converted together and leave the device in one copy."""
        ready: list[Tensor] = []
        rms: list[float] = []
        for view in views:
            kind = output_of(self.generator(view.model).card)
            needed = [outputs[point][None] for point in _points(view)]
            ready.append(_shown(view, kind, needed, height)[0])
            rms.append(float(kind.distance(*needed)) if view.view == "difference" else 0.0)
        shapes: dict[torch.Size, list[int]] = {}
        for index, tensor in enumerate(ready):
            shapes.setdefault(tensor.shape, []).append(index)
        painted: dict[int, NDArray[np.uint8]] = {}
        for members in shapes.values():
            block = to_bgrx(torch.stack([ready[index] for index in members])).cpu().numpy()
            painted.update(zip(members, block, strict=True))
        return [(painted[index], rms[index]) for index in range(len(views))]


def _shown(view: View, kind: Output, outputs: Sequence[Tensor], height: int) -> Tensor:
    """The picture (1, 1 or 3, h, w) of ``view``. ``outputs``: those of its points, a batch of one each."""
    if view.view == "difference":
        before, after = outputs
        return kind.difference(before, after, height)
    if view.view == "before_after":
        before, after = outputs
        return kind.before_after(before, after, view.split, height)
    return kind.picture(outputs[0], height)


def _place(control: Control, latent: Tensor) -> ControlPlace:
    """Where the point ``latent`` (1, *shape) stands along ``control``, which has a place."""
    place, card = control.place, control.card
    assert place is not None
    stops = place.stops()
    if card.shows == "amount":
        ways = [place.amount_to(latent, torch.tensor([stop], dtype=torch.float64)) for stop in stops]
        stops = tuple(sorted(round(float(way), 4) for way in ways))
        low, high = (min(0.0, stops[0]), max(0.0, stops[-1])) if stops else (card.low, card.high)
    else:
        low, high = (stops[0], stops[-1]) if stops else (card.low, card.high)
    return ControlPlace(value=float(place.value(latent)), low=low, high=high, stops=stops)
