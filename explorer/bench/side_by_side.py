"""Methods side by side, in a process of its own: eight views with eight control sets against one bare batch."""

from __future__ import annotations

import statistics
import time

import torch

from explorer.bench.alone import tell
from explorer.controls.base import Move
from explorer.discovery.registry import method, with_role
from explorer.engine.engine import Engine
from explorer.generators import devices
from explorer.generators.base import Generator, Latent
from explorer.generators.editing import edited, stacked
from explorer.scene.defaults import default_controls
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Quality, Seed, Start, View

VIEWS = 8
WARM_UP = 3
RUNS = 20
SECONDS = 10.0
"""After this long, and three runs, the measuring ends."""


def measure(name: str) -> dict[str, float | int | str]:
    """``ratio``: the throughput of :meth:`Engine.render` for :data:`VIEWS` views of one seed, each with a control set
    of its own and one edit that is new every time, over that of the bare forward of as many edited points at once.

    ``forward_ms``, ``render_ms``: medians of the two, taken in turns so that both see the same machine; ``ratio``: the
    median of the runs' ratios. Interactive quality.
    """
    engine, model = Engine(), ModelRef(path=name)
    generator = engine.generator(model)
    sets = _control_sets(engine, model)
    names = [engine.control_set(model, ref).controls[0].card.name for ref in sets]
    quality = Quality(steps=generator.card.interactive_steps)
    forward: list[float] = []
    render: list[float] = []
    batch, began = 0, time.perf_counter()
    for run in range(WARM_UP + RUNS):
        amount = run / 10 + 0.05
        points = _edited(engine, generator, model, sets, names, amount)
        with torch.inference_mode():
            clock = devices.device_clock(engine.device)
            generator.render(points, quality)
            bare = clock()
        views = [
            View(
                model=model,
                start=Start(Seed(0), 0.7),
                controls=ref,
                edits=(Edit(control, amount),),
                quality=quality,
            )
            for ref, control in zip(sets, names, strict=True)
        ]
        clock = devices.device_clock(engine.device)
        batch = engine.render(views, live=True)[0].batch
        whole = clock()
        if run >= WARM_UP:
            forward.append(bare)
            render.append(whole)
        if len(forward) >= 3 and time.perf_counter() - began > SECONDS:
            break
    return {
        "name": name,
        "views": VIEWS,
        "batch": batch,
        "forward_ms": round(statistics.median(forward), 2),
        "render_ms": round(statistics.median(render), 2),
        "ratio": round(statistics.median(a / b for a, b in zip(forward, render, strict=True)), 3),
    }


def _control_sets(engine: Engine, model: ModelRef) -> list[ControlSetRef]:
    """One set of each method that is quick, then of chance with one seed after the other."""
    card = engine.card(model)
    cards = [method(name).card for name in card.methods]
    quick = [one.name for one in cards if one.is_quick and one.role != "chance"]
    found = [default_controls(card, name) for name in quick[: VIEWS - 1]]
    chance = default_controls(card, with_role("chance").card.name)
    seeds = range(VIEWS - len(found))
    return [*found, *(ControlSetRef(method=chance.method, k=chance.k, seed=seed) for seed in seeds)]


def _edited(
    engine: Engine, generator: Generator, model: ModelRef, sets: list[ControlSetRef], names: list[str], amount: float
) -> Latent:
    """The points that the views show, one batch: what the generator alone starts from."""
    with torch.inference_mode():
        origin = generator.sample([0], 0.7)
        amounts = torch.tensor([amount], device=generator.device)
        controls = [engine.control_set(model, ref).control(name) for ref, name in zip(sets, names, strict=True)]
        return stacked(generator, [edited(generator, origin, [Move(one, amounts)]) for one in controls])


def main() -> None:
    """``python -m explorer.bench.side_by_side MODEL`` prints one JSON object, or one sentence on stderr."""
    devices.leave_a_core_free()
    tell(measure)


if __name__ == "__main__":
    main()
