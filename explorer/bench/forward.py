"""The bare cost of a picture, in a process of its own: the generator's forward and the conversion to bytes."""

from __future__ import annotations

import json
import statistics
import sys
import time

import torch

from explorer.engine import devices
from explorer.engine.convert import to_bgrx
from explorer.engine.engine import Engine
from explorer.errors import ExplorerError
from explorer.scene.model import ModelRef, Quality

WARM_UP = 5
RUNS = 40


def measure(name: str) -> dict[str, float | int | str]:
    """Medians over :data:`RUNS` single pictures at the quality that a moving slider uses, milliseconds.

    ``forward_ms``: the generator alone, from its first space. ``convert_ms``: to 8-bit BGRX, copied off the device.
    ``parameters`` and ``device`` say what ran where.
    """
    devices.leave_a_core_free()
    engine = Engine()
    model = ModelRef(path=name)
    generator = engine.generator(model)
    card = engine.card(model)
    quality = Quality(steps=card.interactive_steps)
    forward: list[float] = []
    convert: list[float] = []
    with torch.inference_mode():
        for run in range(WARM_UP + RUNS):
            latent = generator.sample([run], 0.7)
            clock = devices.device_clock(engine.device)
            pictures = generator.render(latent, quality)
            milliseconds = clock()
            start = time.perf_counter()
            to_bgrx(pictures).cpu().numpy()
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
    try:
        sys.stdout.write(json.dumps(measure(sys.argv[1])) + "\n")
    except ExplorerError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
