"""Dragging along a flow against dragging along a straight direction, in a process of its own."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import torch

from explorer.bench.alone import tell
from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet, save
from explorer.controls.field import FieldControl
from explorer.controls.following import Flow
from explorer.controls.linear import LinearControl
from explorer.discovery.request import mapped_space
from explorer.engine.engine import Engine
from explorer.fields.ridges import Ridges
from explorer.fields.volume_preserving import VolumePreservingField
from explorer.generators import devices
from explorer.numerics.randomness import seeded
from explorer.scene.cards import ControlCard, ModelCard
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Quality, Seed, Start, View

WAVES = 96
"""Of a field, as the method of volume-preserving fields has them."""
EVENTS = 60
REACH = 3.0


def measure(name: str) -> dict[str, float | int | str]:
    """``ratio``: the time of :meth:`Engine.render` for one view whose flow is dragged there and back, over that of a
    straight direction dragged alike; ``mixed_ratio``: of a second flow while a first one stands at 1. Medians of events
    taken in turns, each with an amount that no picture is kept for. Interactive quality."""
    engine, model = Engine(), ModelRef(path=name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flows.safetensors"
        save(_controls(engine.card(model)), path)
        ref = ControlSetRef(path=str(path))
        quality = Quality(steps=engine.card(model).interactive_steps)
        seconds: dict[str, list[float]] = {"straight": [], "flow": [], "mixed": []}
        for event in range(EVENTS):
            share = event / EVENTS
            amount = REACH * (1 - abs(2 * share - 1)) + 1e-3 * event
            for kind, edits in (
                ("straight", (Edit("straight", amount),)),
                ("flow", (Edit("first", amount),)),
                ("mixed", (Edit("first", 1.0), Edit("second", amount))),
            ):
                view = View(model=model, start=Start(Seed(0), 0.7), controls=ref, edits=edits, quality=quality)
                clock = devices.device_clock(engine.device)
                engine.render([view], live=True)
                seconds[kind].append(clock())
    medians = {kind: statistics.median(times[3:]) for kind, times in seconds.items()}
    return {
        "name": name,
        "straight_ms": round(medians["straight"], 2),
        "flow_ms": round(medians["flow"], 2),
        "ratio": round(medians["flow"] / medians["straight"], 3),
        "mixed_ratio": round(medians["mixed"] / medians["straight"], 3),
    }


def _controls(card: ModelCard) -> ControlSet:
    """A straight direction and two fields of the usual size, drawn by chance: what they do does not matter here."""
    space = mapped_space(card)
    width, source = card.spaces[space].shape[0], seeded(0, 0)

    def normal(*shape: int) -> torch.Tensor:
        drawn: torch.Tensor = torch.randn(shape, generator=source) / shape[-1] ** 0.5
        return drawn

    def flow(called: str) -> Control:
        ridges = Ridges(
            centre=torch.zeros(width),
            constant=normal(width),
            left=normal(width, width),
            right=normal(width, width),
            waves=normal(WAVES, width),
            phases=normal(WAVES),
            heights=normal(WAVES, width),
        )
        field = VolumePreservingField(ridges)
        return FieldControl(ControlCard(name=called, space=space), field, Flow(0.2))

    controls = (LinearControl(ControlCard(name="straight", space=space), normal(width)), flow("first"), flow("second"))
    return ControlSet("flow_drag", "Flow drag", card.fingerprint, space, controls)


def main() -> None:
    """``python -m explorer.bench.flow_drag MODEL`` prints one JSON object, or one sentence on stderr."""
    devices.leave_a_core_free()
    tell(measure)


if __name__ == "__main__":
    main()
