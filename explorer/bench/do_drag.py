"""Dragging a do-slider against dragging along a straight direction, in a process of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import partial

from explorer.bench.alone import tell
from explorer.bench.turns import in_turns, medians, ratio
from explorer.controls.base import Control
from explorer.controls.control_set import quantities
from explorer.engine.engine import Engine
from explorer.generators import devices
from explorer.scene.causes import METHODS
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Quality, Scalar, Seed, Start, View

MODELS = ("pendulum-dscm", "faces-stylegan2")
"""One whose variables lie in its latent, and one whose variables are read from its pictures."""
SAMPLES = 256
VARIABLES = 5
STEPS = 16
"""Of one drag there and back."""
WARM_UP = 3
RUNS = 20


def measure(name: str) -> dict[str, float | int | str]:
    """``ratio``: processor time of :meth:`Engine.render` for one view whose do-slider is dragged to and fro over a
    quarter of its range from where the picture stands, what was found on the way being kept, over that of a straight
    direction dragged alike. The slider is the first of numbers; of a model without variables of its own, the first
    attributes are taken. No picture is kept; interactive quality."""
    engine, model = Engine(), ModelRef(path=name)
    card = engine.card(model)
    method = next(one for one in METHODS if one in card.methods)
    settings: tuple[tuple[str, Scalar], ...] = ()
    if method != METHODS[0]:
        settings = (("samples", SAMPLES),)
        names = [control.card.name for control in quantities(_set(engine, model, method, settings))]
        settings = (("attribute", ",".join(names[:VARIABLES])), *settings)
    doing = ControlSetRef(method=method, k=card.first_counts[method], settings=settings)
    straight = ControlSetRef(method="random_orthogonal", k=1)
    slider = next(one.card for one in _set(engine, model, method, settings) if not one.card.detents)
    (direction,) = (one.card.name for one in engine.control_set(model, straight).controls)
    begin = engine.places(model, doing, Start(Seed(0), 0.7))[slider.name].value
    shares = [share / STEPS for share in (*range(1, STEPS + 1), *range(STEPS, 0, -1))]
    by = (slider.high - slider.low) / 4 * (1 if begin < (slider.low + slider.high) / 2 else -1)
    quality = Quality(steps=card.interactive_steps)

    def views(controls: ControlSetRef, edits: Sequence[Edit]) -> Iterator[View]:
        plain = partial(View, model=model, start=Start(Seed(0), 0.7), controls=controls, quality=quality)
        return itertools.cycle([plain(edits=(edit,)) for edit in edits])

    works = {
        "do": views(doing, [Edit(slider.name, value=begin + share * by) for share in shares]),
        "straight": views(straight, [Edit(direction, share) for share in shares]),
    }
    drawn = {kind: partial(_next, engine, each) for kind, each in works.items()}
    taken = in_turns(drawn, WARM_UP + len(shares) // 8, RUNS)
    return {"name": name, "method": method, **medians(taken), "ratio": ratio(taken["do"], taken["straight"])}


def _set(engine: Engine, model: ModelRef, method: str, settings: tuple[tuple[str, Scalar], ...]) -> tuple[Control, ...]:
    count = engine.card(model).first_counts[method]
    return engine.control_set(model, ControlSetRef(method=method, k=count, settings=settings)).controls


def _next(engine: Engine, views: Iterator[View]) -> None:
    engine.render([next(views)], exact=True)


def main() -> None:
    """``python -m explorer.bench.do_drag MODEL`` prints one JSON object, or one sentence on stderr."""
    devices.leave_a_core_free()
    tell(measure)


if __name__ == "__main__":
    main()
