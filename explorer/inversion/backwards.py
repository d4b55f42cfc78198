"""Samplers run backwards: the noise from which a model arrives at a picture in steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from explorer.generators.base import Conditional, Generator, Latent
from explorer.inversion.base import Attempt
from explorer.scene.inversion import InversionOptions
from explorer.scene.model import Condition


def backwards(attempt: Attempt, options: InversionOptions, rounds: Sequence[int]) -> None:
    """Go back in as many steps as are asked for, or as the model's full picture has, once for each of ``rounds``, which
    say how often each step is refined: the first is quick, and the best so far until the next is done."""
    generator: Any = attempt.generator
    like = told(generator, options.condition)
    steps = options.steps or attempt.generator.card.full_steps
    done, total = 0, steps * sum(1 + refinements for refinements in rounds)
    for refinements in rounds:
        latent = None
        for latent in generator.encoding(attempt.target, steps, refinements, like):  # noqa: B007  (the last one counts)
            done += 1 + refinements
            attempt.report(min(1.0, done / total))
        if latent is not None:
            attempt.offer(latent)
    attempt.report(1.0)


def told(generator: Generator, condition: Condition) -> Latent | None:
    """A point of a conditional ``generator`` that is told ``condition``, as a stored one of a scene with that condition
    is; None where it is told nothing."""
    if condition == Condition() or not generator.card.is_conditional:
        return None
    return cast(Conditional, generator).conditioned(generator.sample([0]), condition)
