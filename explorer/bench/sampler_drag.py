"""What a drag costs that acts in the second half of a sampler's steps, in a process of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

from explorer.bench.alone import tell
from explorer.bench.turns import in_turns, medians, ratio
from explorer.engine.engine import Engine
from explorer.errors import ExplorerError
from explorer.generators import devices
from explorer.scene.cards import ModelCard
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Quality, Seed, Start, StepWindow, View

SECOND_HALF = StepWindow(0.5, 0.0)
WARM_UP = 1
RUNS = 5


def fits(card: ModelCard) -> bool:
    """Whether a model is drawn in steps, and has an h to be moved."""
    return card.full_steps > 0 and "h" in card.spaces


def measure(name: str) -> dict[str, float | int | str]:
    """Processor time of :meth:`Engine.render` for one view, in one interleaved run, over that of a full render (all
    steps, from a seed of which nothing is kept):

    ``late_ratio``: a control of h that acts in the second half of the steps is dragged in all steps; ``draft_ratio``:
    the same drag in drafts; ``rest_ratio``: the finished picture of a control that acts in all steps, drawn after the
    drafts of its drag. ``full_calls``, ``late_calls``, …: steps that are computed for one picture.
    """
    engine, model = Engine(), ModelRef(path=name)
    card = engine.card(model)
    if not fits(card):
        raise ExplorerError(f"'{card.name}' has no steps with an h in them; choose a diffusion model.")
    works = _works(engine, model, card)
    calls: dict[str, int] = {}
    taken = in_turns(works, WARM_UP, RUNS)
    for kind, work in works.items():
        calls[f"{kind}_calls"] = work()
    shares = {f"{kind}_ratio": ratio(taken[kind], taken["full"]) for kind in ("late", "draft", "rest")}
    return {"name": name, "steps": card.full_steps, **medians(taken), **shares, **calls}


def _works(engine: Engine, model: ModelRef, card: ModelCard) -> dict[str, Callable[[], int]]:
    controls = ControlSetRef(method="random_orthogonal", k=1, settings=(("space", "h"),))
    (control,) = (one.card.name for one in engine.control_set(model, controls).controls)
    seeds, amounts = itertools.count(1), itertools.count(1)
    all_steps, draft = Quality(steps=card.full_steps), Quality(steps=card.interactive_steps)

    def drawn(fresh: bool, window: StepWindow | None, quality: Quality) -> int:
        """How many steps were computed for a picture that nobody has drawn before; of a new seed where ``fresh``."""
        seed = Seed(next(seeds) if fresh else 0)
        edits = (Edit(control, next(amounts) / 1000, window=window),)
        view = View(model=model, start=Start(seed), controls=controls, edits=edits, quality=quality)
        steps = 0

        def step(_: View) -> bool:
            nonlocal steps
            steps += 1
            return True

        engine.render([view], exact=True, is_awaited=step)
        return steps

    return {
        "full": partial(drawn, True, None, all_steps),
        "late": partial(drawn, False, SECOND_HALF, all_steps),
        "draft": partial(drawn, False, SECOND_HALF, draft),
        "rest": partial(drawn, False, None, all_steps),
    }


def main() -> None:
    """``python -m explorer.bench.sampler_drag MODEL`` prints one JSON object, or one sentence on stderr."""
    devices.leave_a_core_free()
    tell(measure)


if __name__ == "__main__":
    main()
