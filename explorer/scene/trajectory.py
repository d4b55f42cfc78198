"""The way of a picture through its sampler, as it is seen: which picture is predicted at each step. Plain values."""

from __future__ import annotations

import msgspec

from explorer.scene.model import StepWindow


class Trajectory(msgspec.Struct, frozen=True, kw_only=True):
    """``noises``: of every step, in their order, the share of the schedule that is left when it begins, 0..1;
    ``shown``: numbers of the steps, from 0, whose predicted pictures follow: ``pictures``, packed RGB rows of
    ``height * width * 3`` bytes each. ``steered``: these are the finished picture, as far as it was changed by then.
    """

    noises: tuple[float, ...]
    shown: tuple[int, ...]
    width: int
    height: int
    pictures: tuple[bytes, ...]
    steered: bool = False


def evenly(count: int, most: int) -> tuple[int, ...]:
    """At most ``most`` (0: any number) of 0 .. ``count`` - 1: those in the middle of as many equal parts."""
    parts = min(count, most) if most else count
    return tuple((2 * part + 1) * count // (2 * parts) for part in range(parts))


def steps_in(window: StepWindow | None, noises: tuple[float, ...]) -> tuple[int, int]:
    """(first, past): the steps in which an edit with ``window`` acts; both are where it would begin where in none."""
    if window is None:
        return 0, len(noises)
    inside = [index for index, noise in enumerate(noises) if window.holds(noise)]
    if inside:
        return inside[0], inside[-1] + 1
    before = sum(noise >= window.high for noise in noises)
    return before, before


def window_of(first: int, past: int, noises: tuple[float, ...]) -> StepWindow | None:
    """The window of the steps ``first`` .. ``past - 1``, at least one, whose edges lie half-way to the steps beside it;
    None for all steps. It says the same of pictures in fewer or more steps."""
    first = min(max(first, 0), len(noises) - 1)
    past = min(max(past, first + 1), len(noises))

    def edge(index: int) -> float:
        return round((min(max(noises[index - 1], 0.0), 1.0) + min(max(noises[index], 0.0), 1.0)) / 2, 4)

    high = 1.0 if first == 0 else edge(first)
    low = 0.0 if past == len(noises) else edge(past)
    return None if (high, low) == (1.0, 0.0) else StepWindow(high, low) if high > low else None
