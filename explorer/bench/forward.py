"""The bare cost of a picture, in a process of its own: the generator's forward and the conversion to bytes."""

from __future__ import annotations

import statistics
import time

import torch

from explorer.bench.alone import tell
from explorer.engine.convert import to_bgrx
from explorer.engine.engine import Engine
from explorer.generators import devices
from explorer.outputs.registry import output_of
from explorer.scene.defaults import default_controls
from explorer.scene.model import ModelRef, Quality

WARM_UP = 5
RUNS = 40


def measure(name: str) -> dict[str, float | int | str]:
    """Medians over :data:`RUNS` single pictures, milliseconds, of the work that a moving slider causes.

    ``forward_ms``: the generator alone, from the space of its default method's first control on, interactive quality,
    one seed and a new amount each time. ``convert_ms``: to 8-bit BGRX, copied off the device.
    ``parameters`` and ``device`` say what ran where.
    """
    devices.leave_a_core_free()
    engine = Engine()
    model = ModelRef(path=name)
    generator = engine.generator(model)
    card = engine.card(model)
    quality = Quality(steps=card.interactive_steps)
    control = engine.control_set(model, default_controls(card, card.methods[0])).controls[0]
    space = control.card.space
    deeper = list(card.spaces)[list(card.spaces).index(space) + 1 :]
    shown = output_of(card)
    forward: list[float] = []
    convert: list[float] = []
    with torch.inference_mode():
        origin = generator.advance(generator.sample([0], 0.7), space)
        above = {name: tensor for name, tensor in origin.tensors.items() if name not in deeper}
        for run in range(WARM_UP + RUNS):
            moved = control.move(above[space], torch.tensor([run / 10 - 2.0], device=engine.device))
            latent = origin.holding({**above, space: moved})
            clock = devices.device_clock(engine.device)
            outputs = generator.render(latent, quality)
            milliseconds = clock()
            start = time.perf_counter()
            to_bgrx(shown.picture(outputs)).cpu().numpy()
            if run >= WARM_UP:
                forward.append(milliseconds)
                convert.append((time.perf_counter() - start) * 1e3)
    return {
        "name": name,
        "forward_ms": statistics.median(forward),
        "convert_ms": statistics.median(convert),
        "parameters": card.parameters,
        "device": devices.describe(engine.device),
    }


def main() -> None:
    """``python -m explorer.bench.forward MODEL`` prints one JSON object, or one sentence on stderr."""
    tell(measure)


if __name__ == "__main__":
    main()
