"""Samplers run backwards: the noise from which a model arrives at a picture in steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from explorer.inversion.base import Attempt
from explorer.scene.inversion import InversionOptions


def backwards(attempt: Attempt, options: InversionOptions, rounds: Sequence[int]) -> None:
    """Go back in as many steps as are asked for, or as the model's full picture has, once for each of ``rounds``, which
    say how often each step is refined: the first is quick, and the best so far until the next is done."""
    generator: Any = attempt.generator
    steps = options.steps or attempt.generator.card.full_steps
    done, total = 0, steps * sum(1 + refinements for refinements in rounds)
    for refinements in rounds:
        latent = None
        for latent in generator.encoding(attempt.target, steps, refinements):  # noqa: B007  (the last one counts)
            done += 1 + refinements
            attempt.report(min(1.0, done / total))
        if latent is not None:
            attempt.offer(latent)
    attempt.report(1.0)
