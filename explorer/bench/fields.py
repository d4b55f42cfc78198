"""Fields side by side, in a process of its own: many potentials as one network against a loop over them."""

from __future__ import annotations

import torch

from explorer.bench.alone import tell
from explorer.bench.turns import in_turns, medians, ratio
from explorer.fields.potential import PotentialField
from explorer.fields.potential_bank import PotentialBank
from explorer.numerics.randomness import seeded

FIELDS, WIDTH, BATCH = 16, 64, 32
WARM_UP = 2
RUNS = 30


def measure() -> dict[str, float | int]:
    """Velocities of :data:`FIELDS` potentials, each at a time of its own and :data:`BATCH` points of :data:`WIDTH`
    numbers, on one thread of the processor and in its time: what other programs do meanwhile is not counted.

    ``grouped_ms`` all at once (:class:`explorer.fields.potential_bank.PotentialBank`), ``loop_ms`` one potential
    after the other, both with the pass back through them, which is what a training takes; ``forward_…`` the velocities
    alone. Medians, in turns so that all see the same machine; ``ratio`` and ``forward_ratio``: the medians of the runs'
    ratios, loop over grouped.
    """
    bank = PotentialBank(FIELDS, WIDTH, True, True, 0, 1)
    alone = [PotentialBank(1, WIDTH, True, True, seed, 1) for seed in range(FIELDS)]
    fields: list[PotentialField] = [bank.field(index, 1.0, (0.0, 1.0)) for index in range(FIELDS)]
    source = seeded(0, 0)
    z, moments = torch.randn(FIELDS, BATCH, WIDTH, generator=source), torch.rand(FIELDS, 1, generator=source)

    def forward_grouped() -> None:
        with torch.inference_mode():
            bank.networks().velocity(z, moments)

    def forward_loop() -> None:
        with torch.inference_mode():
            for field, points, times in zip(fields, z, moments, strict=True):
                field.velocity(points, times)

    def grouped() -> None:
        bank.networks().velocity(z, moments).square().mean().backward()  # type: ignore[no-untyped-call]

    def loop() -> None:
        parts = [
            one.networks().velocity(points[None], times[None]).square().mean()
            for one, points, times in zip(alone, z, moments, strict=True)
        ]
        torch.stack(parts).mean().backward()  # type: ignore[no-untyped-call]

    works = {
        "grouped": grouped,
        "loop": loop,
        "forward_grouped": forward_grouped,
        "forward_loop": forward_loop,
    }
    taken = in_turns(works, WARM_UP, RUNS)
    return {
        "fields": FIELDS,
        "width": WIDTH,
        "batch": BATCH,
        **medians(taken),
        "ratio": ratio(taken["loop"], taken["grouped"]),
        "forward_ratio": ratio(taken["forward_loop"], taken["forward_grouped"]),
    }


def main() -> None:
    """``python -m explorer.bench.fields`` prints one JSON object."""
    torch.set_num_threads(1)
    tell(measure)


if __name__ == "__main__":
    main()
