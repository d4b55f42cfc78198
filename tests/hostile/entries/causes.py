"""Causal graphs of every format, and causal models."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tests.hostile.entry import Entry

FORMATS = ("dagitty", "dot", "graph", "parents")


def _graph(name: str, folder: Path) -> Path:
    from explorer.causal.formats.base import GraphFile
    from explorer.causal.formats.registry import formats, write_graph
    from explorer.scene.causal_graph import CausalGraph, Variable

    variables = (
        Variable(name="a", kind="number", low=-1.0, high=2.5, unit="°", at=(1.0, 2.0)),
        Variable(name="b", kind="category", labels=("x", "y")) if name == "graph" else Variable(name="b"),
        Variable(name="c"),
    )
    graph = CausalGraph(variables=variables, edges=(("a", "b"), ("b", "c")))
    kind = formats()[name]
    path = folder / f"graph{kind.suffixes[0]}"
    write_graph(path, GraphFile(graph=graph), name)
    return path


def read(path: Path) -> Iterable[str]:
    """Read the graph, and lay it out."""
    from explorer.causal.formats.registry import read_graph
    from explorer.causal.layout import laid_out

    file = read_graph(path)
    laid_out(file.graph)
    return (*file.graph.names, *file.notes)


def _model(folder: Path) -> Path:
    from test_model_file import FIT, chain

    from explorer.causal import model_file

    model_file.save(chain(), folder / "causes.safetensors", [FIT])
    return folder / "causes.safetensors"


def _random_model(seed: int, folder: Path) -> Path:
    from mechanisms_at_random import random_model

    from explorer.causal import model_file

    model_file.save(random_model(seed, 4), folder / "causes.safetensors")
    return folder / "causes.safetensors"


def sample(path: Path) -> Iterable[str]:
    """Load the model and draw rows of it."""
    from explorer.causal import model_file

    model = model_file.load(path)
    model_file.fits_in(path)
    model.sample(4, 0)
    return model.graph.names


ENTRIES = (
    *(Entry(f"graph in {name}", {name: partial(_graph, name)}, read) for name in FORMATS),
    Entry(
        "causal model",
        {"chain": _model, **{f"random {seed}": partial(_random_model, seed) for seed in range(3)}},
        sample,
    ),
)
