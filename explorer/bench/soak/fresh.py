"""The pictures of the last state of a soak, as an engine draws them that has drawn nothing before."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from explorer.bench.alone import tell
from explorer.bench.soak.script import PICTURES, VIEWS
from explorer.engine.engine import Engine
from explorer.generators import devices
from explorer.scene.model import View


def same(folder: str) -> dict[str, list[int]]:
    """``differences``: of each pane the largest difference between the window's last picture and the one of a fresh
    engine, in levels of 256."""
    views = msgspec.msgpack.decode((Path(folder) / VIEWS).read_bytes(), type=list[View])
    shown = msgspec.msgpack.decode((Path(folder) / PICTURES).read_bytes(), type=list[bytes])
    drawn = [picture.bgrx for picture in Engine().render(views, exact=True)]
    differences = []
    for pixels, picture in zip(shown, drawn, strict=True):
        own = np.frombuffer(pixels, np.uint8)
        fits = own.size == picture.size
        differences.append(int(np.abs(own.astype(int) - picture.reshape(-1)).max()) if fits else 256)
    return {"differences": differences}


if __name__ == "__main__":
    devices.leave_a_core_free()
    tell(same)
