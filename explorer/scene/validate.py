"""What a scene must fulfil beyond the types of its fields: ranges, lengths, order, names that point at something."""

from __future__ import annotations

import array
import itertools
import math
import operator
import sys
from collections.abc import Sequence

from explorer.errors import SceneError
from explorer.scene.model import (
    AmountKey,
    Blend,
    Condition,
    ControlSetRef,
    Origin,
    OriginKey,
    OwnPicture,
    Pane,
    Scene,
    Seed,
    StepWindow,
    StoredLatent,
    Timeline,
)
from explorer.scene.samplers import SAMPLERS

SEED_LIMIT = 2**32
PSI_LIMIT = 1.5
LONGEST_TIMELINE = 86_400.0  # seconds; a typing error must not ask for years of video
FASTEST_FPS = 240
MOST_COLUMNS = 64
MOST_PANES = 256  # four times as many as a row may hold, and more than anybody looks at
AMOUNT_LIMIT = 1000.0  # far beyond any slider; what lies further is a slip of the keyboard, and its picture noise
VALUE_LIMIT = 1e9
LEAST_TAU, GREATEST_TAU = 0.001, 0.5  # of the range of the pixels; beyond lies rounding, or another picture
LONGEST_PROMPT = 10_000  # characters; models read some hundreds
GREATEST_GUIDANCE = 100.0
MOST_PICTURE_BYTES = 1 << 20  # four times what a picture of one's own takes without compression
INTEGER_LIMIT = 2**63  # what JSON readers and msgspec carry


def _require(holds: bool, field: str, sentence: str) -> None:
    if not holds:
        raise SceneError(f"The scene's field '{field}' {sentence}.")


def _finite(value: float, field: str) -> None:
    _require(math.isfinite(value), field, f"is {value}; it must be a finite number")


def _within(value: float, low: float, high: float, field: str) -> None:
    _require(low <= value <= high, field, f"is {value:g}; it must be between {low:g} and {high:g}")


def check_seed(seed: int, field: str = "seed") -> None:
    """Raise :class:`SceneError` unless 0 ≤ seed < 2**32."""
    _require(0 <= seed < SEED_LIMIT, field, f"is {seed}; a seed must be between 0 and {SEED_LIMIT - 1}")


def check_psi(psi: float, field: str = "truncation_psi") -> None:
    """Raise :class:`SceneError` unless 0 ≤ psi ≤ 1.5."""
    _within(psi, 0.0, PSI_LIMIT, field)


def check_amount(amount: float, field: str = "amount") -> None:
    """Raise :class:`SceneError` unless -1000 ≤ amount ≤ 1000."""
    _within(amount, -AMOUNT_LIMIT, AMOUNT_LIMIT, field)


def check_value(value: float, field: str = "value") -> None:
    """Raise :class:`SceneError` unless -1e9 ≤ value ≤ 1e9: values are in units of their own, but no picture shows so
    much."""
    _within(value, -VALUE_LIMIT, VALUE_LIMIT, field)


def _stored_latent(latent: StoredLatent, field: str) -> None:
    _require(all(size > 0 for size in latent.shape), f"{field}.shape", "must hold positive sizes")
    wanted = 4 * math.prod(latent.shape)
    _require(
        len(latent.data) == wanted, f"{field}.data", f"holds {len(latent.data)} bytes; its shape asks for {wanted}"
    )
    numbers = array.array("f", latent.data)
    if sys.byteorder == "big":
        numbers.byteswap()
    _require(all(map(math.isfinite, numbers)), f"{field}.data", "holds numbers that are not finite")
    if latent.own is not None:
        _own_picture(latent.own, f"{field}.own")


def _own_picture(own: OwnPicture, field: str) -> None:
    size = len(own.png)
    _require(size <= MOST_PICTURE_BYTES, f"{field}.png", f"holds {size} bytes; a scene holds small pictures alone")
    _finite(own.psnr, f"{field}.psnr")
    _finite(own.distance, f"{field}.distance")


def _origin(origin: Origin, field: str) -> None:
    if isinstance(origin, Seed):
        check_seed(origin.seed, f"{field}.seed")
    elif isinstance(origin, StoredLatent):
        _stored_latent(origin, field)
    else:
        _blend(origin, field)


def _blend(blend: Blend, field: str) -> None:
    count = len(blend.origins)
    _require(count > 0, f"{field}.origins", "is empty; a blend needs at least one point")
    _require(blend.interpolation != "slerp" or count == 2, f"{field}.origins", f"holds {count} points; slerp takes two")
    _require(len(blend.weights) == count, f"{field}.weights", f"holds {len(blend.weights)} weights for {count} points")
    for index, weight in enumerate(blend.weights):
        _finite(weight, f"{field}.weights[{index}]")
    total = math.fsum(blend.weights)
    _require(abs(total - 1) < 1e-6, f"{field}.weights", f"sums to {total:g}; the weights must sum to 1")
    for index, point in enumerate(blend.origins):
        _origin(point, f"{field}.origins[{index}]")


def _condition(condition: Condition, field: str) -> None:
    for name, text in (("prompt", condition.prompt), ("negative_prompt", condition.negative_prompt)):
        _require(
            len(text) <= LONGEST_PROMPT,
            f"{field}.{name}",
            f"has {len(text)} characters; it must have {LONGEST_PROMPT} at most",
        )
    if condition.guidance is not None:
        _within(condition.guidance, 0.0, GREATEST_GUIDANCE, f"{field}.guidance")
    if not condition.classes:
        return
    for index, (number, weight) in enumerate(condition.classes):
        _require(
            0 <= number < INTEGER_LIMIT, f"{field}.classes[{index}]", f"is class {number}; classes are counted from 0"
        )
        _finite(weight, f"{field}.classes[{index}]")
    numbers = [number for number, _ in condition.classes]
    _require(len(set(numbers)) == len(numbers), f"{field}.classes", "names one class twice")
    total = math.fsum(weight for _, weight in condition.classes)
    _require(abs(total - 1) < 1e-6, f"{field}.classes", f"has weights that sum to {total:g}; they must sum to 1")


def _controls(reference: ControlSetRef, field: str) -> None:
    _require(bool(reference.method or reference.path), field, "names neither a method nor a file")
    _require(1 <= reference.k < INTEGER_LIMIT, f"{field}.k", f"is {reference.k}; it must be at least 1")
    _within(reference.tau, LEAST_TAU, GREATEST_TAU, f"{field}.tau")
    if reference.like is not None:
        _require(reference.like.like is None, f"{field}.like.like", "is set; a set is matched to one that stands alone")
        _controls(reference.like, f"{field}.like")
    check_seed(reference.seed, f"{field}.seed")
    for name, value in reference.settings:
        if isinstance(value, float):
            _finite(value, f"{field}.settings.{name}")
        elif isinstance(value, int):
            _require(abs(value) < INTEGER_LIMIT, f"{field}.settings.{name}", f"is {value}; that number is too large")
    names = [name for name, _ in reference.settings]
    _require(len(set(names)) == len(names), f"{field}.settings", "names one setting twice")


def check_window(window: StepWindow, field: str) -> None:
    """Raise :class:`SceneError` unless 0 ≤ low < high ≤ 1."""
    _require(
        0.0 <= window.low < window.high <= 1.0,
        field,
        f"is {window.high:g} to {window.low:g}; it must fall, within 1 (noise) and 0 (the picture)",
    )


def _pane(pane: Pane, field: str) -> None:
    _controls(pane.controls, f"{field}.controls")
    for index, edit in enumerate(pane.edits):
        check_amount(edit.amount, f"{field}.edits[{index}].amount")
        if edit.value is not None:
            check_value(edit.value, f"{field}.edits[{index}].value")
            _require(
                edit.amount == 0, f"{field}.edits[{index}]", "holds an amount and a value; it must hold one of them"
            )
        if edit.window is not None:
            check_window(edit.window, f"{field}.edits[{index}].window")
    names = [edit.control for edit in pane.edits]
    _require(len(set(names)) == len(names), f"{field}.edits", "moves one control twice")
    _within(pane.split, 0.0, 1.0, f"{field}.split")
    if pane.origin is not None:
        _origin(pane.origin, f"{field}.origin")
    if pane.condition is not None:
        _condition(pane.condition, f"{field}.condition")


def _panes(panes: tuple[Pane, ...], field: str) -> None:
    _require(len(panes) > 0, field, "is empty; a scene has at least one pane")
    _require(len(panes) <= MOST_PANES, field, f"holds {len(panes)} panes, and at most {MOST_PANES} are drawn")
    for index, pane in enumerate(panes):
        _pane(pane, f"{field}[{index}]")


def _times(keys: Sequence[AmountKey | OriginKey], field: str) -> None:
    times = [key.time for key in keys]
    ascend = all(map(operator.lt, times, itertools.islice(times, 1, None)))
    if ascend and all(map(math.isfinite, times)) and times[:1] >= [0]:
        return  # of a million keyframes nobody asks for the name of each
    before = -math.inf
    for index, key in enumerate(keys):
        name = f"{field}[{index}].time"
        _finite(key.time, name)
        _require(key.time >= 0, name, f"is {key.time:g}; times start at 0")
        _require(key.time > before, name, f"is {key.time:g}; the keyframes must be in ascending order of time")
        before = key.time


def _timeline(timeline: Timeline, panes: int) -> None:
    _require(
        0 < timeline.duration <= LONGEST_TIMELINE,
        "timeline.duration",
        f"is {timeline.duration:g}; it must be more than 0 and at most {LONGEST_TIMELINE:g} seconds",
    )
    _within(timeline.fps, 1, FASTEST_FPS, "timeline.fps")
    _times(timeline.origin.keys, "timeline.origin.keys")
    for index, origin_key in enumerate(timeline.origin.keys):
        _origin(origin_key.origin, f"timeline.origin.keys[{index}].origin")
    seen: set[tuple[int, str]] = set()
    for number, track in enumerate(timeline.amounts):
        field = f"timeline.amounts[{number}]"
        _require(0 <= track.pane < panes, f"{field}.pane", f"is {track.pane}; the scene has panes 0 to {panes - 1}")
        _require((track.pane, track.control) not in seen, field, "is the second track of the same control")
        seen.add((track.pane, track.control))
        _require(len(track.keys) > 0, f"{field}.keys", "is empty; a track needs at least one keyframe")
        _times(track.keys, f"{field}.keys")
        check, limit = (check_amount, AMOUNT_LIMIT) if track.holds == "amount" else (check_value, VALUE_LIMIT)
        if not all(map(limit.__ge__, map(abs, [key.amount for key in track.keys]))):
            for index, key in enumerate(track.keys):
                check(key.amount, f"{field}.keys[{index}].amount")


def validate_scene(scene: Scene) -> None:
    """Raise :class:`SceneError` with one sentence naming the first field that is out of range."""
    _require(bool(scene.model.path), "model.path", "is empty; it must name a model")
    _origin(scene.origin, "origin")
    check_psi(scene.truncation_psi)
    _condition(scene.condition, "condition")
    _panes(scene.panes, "panes")
    _require(
        0 <= scene.selected < len(scene.panes),
        "selected",
        f"is {scene.selected}; the scene has panes 0 to {len(scene.panes) - 1}",
    )
    _require(
        0 <= scene.quality.steps < INTEGER_LIMIT, "quality.steps", f"is {scene.quality.steps}; it must be at least 0"
    )
    sampler = scene.quality.sampler
    known = ", ".join(SAMPLERS)
    _require(sampler in ("", *SAMPLERS), "quality.sampler", f"is '{sampler}'; it must be empty or one of {known}")
    _timeline(scene.timeline, len(scene.panes))
    _require(0 <= scene.columns <= MOST_COLUMNS, "columns", f"is {scene.columns}; it must be 0 to {MOST_COLUMNS}")
    for index, mark in enumerate(scene.marks):
        _controls(mark.controls, f"marks[{index}].controls")
    for index, bookmark in enumerate(scene.bookmarks):
        field = f"bookmarks[{index}]"
        _require(bool(bookmark.model.path), f"{field}.model.path", "is empty; it must name a model")
        _origin(bookmark.origin, f"{field}.origin")
        check_psi(bookmark.truncation_psi, f"{field}.truncation_psi")
        _condition(bookmark.condition, f"{field}.condition")
        _panes(bookmark.panes, f"{field}.panes")
