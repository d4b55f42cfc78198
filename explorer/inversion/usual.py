"""How near a model comes to pictures of its own: what the nearness to a picture of the user's is held against."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch

from explorer.ending import Progress
from explorer.generators.base import Generator
from explorer.inversion.base import Attempt, Inversion
from explorer.scene.inversion import InversionOptions
from explorer.scene.model import Quality, Usual

SEEDS, SEEDS_IN_STEPS = 64, 16
"""Pictures of a model, and of one that draws in steps."""
FIRST_SEED = 83_001

_KEPT: WeakKeyDictionary[Generator, dict[str, Usual]] = WeakKeyDictionary()


def usual(generator: Generator, way: Inversion, progress: Progress | None = None) -> Usual | None:
    """What ``way`` makes of pictures of ``generator`` that it drew without truncation; None where the way goes in
    steps, so that nobody would wait for it. Kept with the generator. ``progress`` is told the share and may raise."""
    if way.steps(generator.card):
        return None
    kept = _KEPT.setdefault(generator, {})
    if way.name not in kept:
        count = SEEDS_IN_STEPS if generator.card.full_steps else SEEDS
        figures = []
        for number in range(count):
            if progress is not None:
                progress((number + 1) / (count + 1))  # the first part was the picture itself
            with torch.no_grad():
                picture = generator.render(generator.sample([FIRST_SEED + number], 1.0), Quality())
            attempt = Attempt(generator, picture)
            way.run(attempt, InversionOptions())
            figures.append(attempt.psnr)
        kept[way.name] = Usual(pictures=count, least=round(min(figures), 2))
    return kept[way.name]
