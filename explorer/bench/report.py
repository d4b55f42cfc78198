"""The bench: every shipped model on a small and a large canvas, and the start of the window, as one JSON object."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

from explorer import __version__
from explorer.bench import sampler_drag
from explorer.bench.alone import told
from explorer.bench.do_drag import MODELS as DO_MODELS
from explorer.discovery.request import mapped_space
from explorer.errors import ExplorerError
from explorer.generators.registry import describe, shipped_models
from explorer.ui.state.pace import percentile

CANVASES = (256, 1024)
STARTS = 5

Row = dict[str, Any]


def run(models: Sequence[str] = (), say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Measure ``models`` (default: all that ship); ``say`` is told what is being measured.

    The ratios are taken within this one run: ``ratio`` is the median way from event to screen over the sum of bare
    forward, conversion and paint; ``side_by_side`` is :func:`explorer.bench.side_by_side.measure`, ``flow_drag``
    :func:`explorer.bench.flow_drag.measure`, ``fields`` :func:`explorer.bench.fields.measure`, ``causal``
    :func:`explorer.bench.causal.measure`, ``do_drag`` :func:`explorer.bench.do_drag.measure`, ``sampler_drag``
    :func:`explorer.bench.sampler_drag.measure`; ``window_ratio`` the start of the window over a bare
    ``import PySide6.QtWidgets``.
    """
    from explorer.bench.screen import Screen

    names = list(models) or list(shipped_models())
    say("fields side by side")
    fields = told("explorer.bench.fields")
    say("do() on a causal graph")
    causal = told("explorer.bench.causal")
    say("start of the window")
    window_ratio = _window_ratio()
    rows: list[Row] = []
    grids: list[Row] = []
    drags: list[Row] = []
    do_drags: list[Row] = []
    sampler_drags: list[Row] = []
    memory: list[tuple[int, int]] = []
    device = ""
    screen = Screen()
    try:
        for name in names:
            # Before and after, because a machine's speed drifts while it is measured.
            say(f"{name}: bare forward")
            before = told("explorer.bench.forward", name)
            measured = []
            for size in CANVASES:
                say(f"{name}: event to screen at {size} x {size}")
                measured.append(screen.measure(name, size))
            after = told("explorer.bench.forward", name)
            bare = {key: (before[key] + after[key]) / 2 for key in ("forward_ms", "convert_ms")}
            device = str(before["device"])
            rows.extend(_row(name, bare, size, one) for size, one in zip(CANVASES, measured, strict=True))
            say(f"{name}: methods side by side")
            grids.append(told("explorer.bench.side_by_side", name))
            card = describe(name)
            if len(card.spaces[mapped_space(card)].shape) == 1:
                say(f"{name}: dragging along a flow")
                drags.append(told("explorer.bench.flow_drag", name))
            if name in DO_MODELS:
                say(f"{name}: dragging a do-slider")
                do_drags.append(told("explorer.bench.do_drag", name))
            if sampler_drag.fits(card):
                say(f"{name}: dragging inside the sampler")
                sampler_drags.append(told("explorer.bench.sampler_drag", name))
            memory.extend((one.window_memory, one.engine_memory) for one in measured)
    finally:
        screen.close()
    return {
        "version": __version__,
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "device": device,
            "python": platform.python_version(),
        },
        "models": rows,
        "side_by_side": grids,
        "flow_drag": drags,
        "fields": fields,
        "causal": causal,
        "do_drag": do_drags,
        "sampler_drag": sampler_drags,
        "window_ratio": window_ratio,
        "memory_mb": {
            "window": round(max(window for window, _ in memory) / 1e6, 1),
            "engine": round(max(engine for _, engine in memory) / 1e6, 1),
        },
    }


def _row(name: str, bare: dict[str, float], size: int, figures: Any) -> Row:
    paint = statistics.median(figures.paint)
    parts = bare["forward_ms"] + bare["convert_ms"] + paint
    median = percentile(figures.event_to_screen, 0.5)
    return {
        "name": name,
        "canvas": size,
        "forward_ms": round(bare["forward_ms"], 3),
        "convert_ms": round(bare["convert_ms"], 3),
        "paint_ms": round(paint, 3),
        "event_to_screen_ms": {
            key: round(percentile(figures.event_to_screen, share), 2)
            for key, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
        },
        "ratio": round(median / parts, 3),
        "asked": figures.asked,
        "drawn": figures.drawn,
        "dropped": figures.dropped,
        "storm_event_to_screen_ms": {
            key: round(percentile(figures.storm_event_to_screen, share), 2)
            for key, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
        },
        "stall_ms": {
            "p99": round(percentile(figures.stalls, 0.99), 2),
            "max": round(max(figures.stalls, default=0.0), 2),
        },
    }


def _window_ratio() -> float:
    """Time from the start of a process to the first paint of the window, over one that has imported QtWidgets."""
    bare = [sys.executable, "-c", "import PySide6.QtWidgets; print('imported', flush=True)"]
    window = [sys.executable, "-m", "explorer.bench.startup"]
    ratios = []
    with tempfile.TemporaryDirectory() as home:  # the user's own session is not touched
        environment = {**os.environ, "LATENT_EXPLORER_HOME": home}
        # An installed program has its byte code beside it; the first, uncounted pair writes it.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for turn in range(STARTS + 1):
            seconds = []
            for command in (bare, window):
                seconds.append(_until_it_speaks(command, environment))
            if turn:  # the first pair fills the file cache
                ratios.append(seconds[1] / seconds[0])
    return round(statistics.median(ratios), 3)


def _until_it_speaks(command: Sequence[str], environment: dict[str, str]) -> float:
    """Seconds until ``command`` prints its first line; how long it takes to end does not count."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        seconds = time.perf_counter() - start
    if not line or process.returncode:
        raise ExplorerError("The window could not be opened for its start to be timed; start it once by hand.")
    return seconds
