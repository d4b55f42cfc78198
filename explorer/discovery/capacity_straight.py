"""What straight lines can express where the truth is known."""

from __future__ import annotations

from collections.abc import Sequence

from explorer.controls.base import Control
from explorer.discovery.capacity import Capacity, Truth, best_straight, capacity_card
from explorer.discovery.request import Request
from explorer.discovery.sampling import typical_deviation
from explorer.discovery.shifts import SAMPLES
from explorer.generators.base import Generator


class StraightCapacity(Capacity):
    """The straight direction of the greatest mean |cos| with each true one."""

    breadth = 0
    card = capacity_card(
        "capacity_straight",
        "Fitted straight lines",
        "The straight lines that agree best with the true directions: what no straight method can beat.",
        trained=False,
    )

    def fitted(
        self, asked: Request, generator: Generator, truth: Truth, names: Sequence[str]
    ) -> tuple[Sequence[Control], str]:
        deviation = typical_deviation(generator, asked.space, SAMPLES, asked.seed)
        rows = best_straight(truth)
        cosines = (truth.ways * rows).sum(2).abs().mean(0).tolist()
        asked.watch(1.0)
        found = [
            asked.linear(name, row, deviation, f"{cosine:.3f}", f"mean |cos| with the true direction {cosine:.3f}")
            for name, row, cosine in zip(names, rows, cosines, strict=True)
        ]
        return found, ""


METHOD = StraightCapacity()
