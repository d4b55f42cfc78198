"""What the timeline lists: one row for each thing that moves, read from the scene. Plain values, no Qt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from explorer.scene.cards import ControlSetCard
from explorer.scene.edit_text import slider_text
from explorer.scene.model import AmountTrack, OriginTrack, Scene, Seed
from explorer.scene.timeline import ORIGIN, amount_at

SAMPLES = 120  # points of a drawn curve


@dataclass(frozen=True)
class TimelineRow:
    """One track as it is drawn. ``tracks``: the amount tracks it stands for (linked panes share a row), or the origin.

    ``times`` in seconds, ``amounts`` in the control's unit (zeros for the origin), ``texts`` what each key says, and
    ``unit``, what follows an amount; ``low``/``high``: the range of amounts that the band shows.
    """

    label: str
    detail: str
    tracks: tuple[int, ...]
    times: tuple[float, ...]
    amounts: tuple[float, ...]
    texts: tuple[str, ...]
    low: float
    high: float
    unit: str
    interpolation: str
    track: AmountTrack | None = None  # of which the curve is drawn; None: the origin

    @property
    def is_origin(self) -> bool:
        return self.track is None


def rows_of(scene: Scene, card_of: Callable[[int], ControlSetCard | None]) -> tuple[TimelineRow, ...]:
    """The rows of ``scene``: the origin first, then the amount tracks in their order.

    ``card_of`` gives the control set of a pane, where it is known: for ranges, and for which controls move together.
    While the sliders are linked, tracks of the controls that one slider moves share a row as long as their keys agree.
    """
    rows = []
    if scene.timeline.origin.keys:
        rows.append(_origin_row(scene.timeline.origin))
    groups: dict[object, list[int]] = {}
    cards = {pane: card_of(pane) for pane in {track.pane for track in scene.timeline.amounts}}
    for number, track in enumerate(scene.timeline.amounts):
        index = _index_of(cards[track.pane], track.control)
        shared = scene.linked and index is not None
        key = (index, track.keys, track.interpolation) if shared else number
        groups.setdefault(key, []).append(number)
    rows += [_amount_row(scene, tuple(numbers), cards) for numbers in groups.values()]
    return tuple(rows)


def curve(track: AmountTrack, duration: float) -> tuple[tuple[float, float], ...]:
    """(seconds, amount) along ``track`` from its first key to its last within ``duration``; the keys are among them."""
    first, last = track.keys[0].time, min(duration, track.keys[-1].time)
    times = {first + (last - first) * step / SAMPLES for step in range(SAMPLES + 1)} if last > first else {first}
    times.update(key.time for key in track.keys if first <= key.time <= last)
    return tuple((time, amount_at(track, time)) for time in sorted(times))


def seconds(time: float) -> str:
    """``1.25 s``."""
    return f"{time:.2f} s"


def _origin_row(track: OriginTrack) -> TimelineRow:
    texts = tuple(str(key.origin.seed) if isinstance(key.origin, Seed) else "stored" for key in track.keys)
    return TimelineRow(
        label="Seed",
        detail="",
        tracks=(ORIGIN,),
        times=tuple(key.time for key in track.keys),
        amounts=(0.0,) * len(texts),
        texts=texts,
        low=-1.0,
        high=1.0,
        unit="",
        interpolation=track.interpolation,
    )


def _amount_row(scene: Scene, numbers: tuple[int, ...], cards: Mapping[int, ControlSetCard | None]) -> TimelineRow:
    track = scene.timeline.amounts[numbers[0]]
    card = cards[track.pane]
    control = next((one for one in card.controls if one.name == track.control), None) if card else None
    amounts = tuple(key.amount for key in track.keys)
    # The band shows the slider's range, widened to whatever was typed.
    still = () if track.holds == "value" else (0.0,)
    low = min(control.low if control else -3.0, *amounts, *still)
    high = max(control.high if control else 3.0, *amounts, *still)
    # One slider moves them all; it is known by its name in the selected pane.
    members = [scene.timeline.amounts[number] for number in numbers]
    label = next((one.control for one in members if one.pane == scene.selected), track.control)
    return TimelineRow(
        label=label,
        detail=_panes_text(scene, [scene.timeline.amounts[number].pane for number in numbers], cards),
        tracks=numbers,
        times=tuple(key.time for key in track.keys),
        amounts=amounts,
        texts=tuple(slider_text(amount, track.holds, control) for amount in amounts),
        low=low,
        high=high,
        unit="" if track.holds == "value" else control.unit if control else "σ",
        interpolation=track.interpolation,
        track=track,
    )


def _panes_text(scene: Scene, panes: list[int], cards: Mapping[int, ControlSetCard | None]) -> str:
    """Which panes a row moves; nothing to say where there is only one."""
    if len(scene.panes) == 1:
        return ""
    if len(panes) > 1:
        return "all panes" if len(panes) == len(scene.panes) else f"{len(panes)} panes"
    card = cards[panes[0]]
    return scene.panes[panes[0]].name or (card.title if card else f"pane {panes[0] + 1}")


def _index_of(card: ControlSetCard | None, control: str) -> int | None:
    names = [one.name for one in card.controls] if card else []
    return names.index(control) if control in names else None
