"""do() on a causal graph, in a process of its own: a structural model against the same arithmetic written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from explorer.bench.alone import tell
from explorer.bench.turns import in_turns, medians, ratio
from explorer.causal.base import Noises, Values
from explorer.causal.encoding import Encoding
from explorer.causal.interventions import Hard
from explorer.causal.mechanisms.additive import AdditiveNoise
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.model import StructuralModel
from explorer.causal.predictor import Predictor
from explorer.generators import devices
from explorer.numerics.randomness import seeded
from explorer.scene.causal_graph import CausalGraph, Variable

NODES, CAUSES, HIDDEN = 30, 3, (16, 16)
FEW, MANY = 10, 1000
WARM_UP = 3
RUNS = 40
Row = dict[str, float | int]


def measure() -> dict[str, Row]:
    """Counterfactuals of :data:`NODES` variables, do() on the first, which all others descend from, on the processor.

    By ``linear`` mechanisms, and by ``networks`` of two layers of sixteen, of numbers in float64, as everywhere in the
    program, and the networks of float32 too. ``model_ms``: what a drag costs,
    :meth:`StructuralModel.predict` of noises that are kept, for :data:`FEW` rows; ``many_ms`` for :data:`MANY`;
    ``unrolled_ms`` the same sums and products one after the other, in plain torch, and nothing else, and
    ``unrolled_many_ms``. Medians, in turns so that all see the same machine; ``ratio`` (model over unrolled),
    ``rows_ratio`` (many over few) and ``unrolled_rows_ratio`` are medians of the runs' ratios.
    """
    networks = _networks()
    return {
        "linear": _measure(_linear(), torch.float64),
        "networks": _measure(networks, torch.float64),
        "networks_float32": _measure(networks, torch.float32),
    }


def _graph() -> CausalGraph:
    """Each variable has up to :data:`CAUSES` causes, of which one is the variable before it."""
    names = [f"x{index}" for index in range(NODES)]
    edges = []
    for effect in range(1, NODES):
        causes = {effect - 1, effect // 2, effect // 3}
        edges += [(names[cause], names[effect]) for cause in sorted(causes - {effect})[-CAUSES:]]
    return CausalGraph(variables=tuple(Variable(name=name) for name in names), edges=tuple(edges))


def _linear() -> StructuralModel:
    graph = _graph()
    slopes = torch.randn(NODES, CAUSES, generator=seeded(0, 0)).div(2).tolist()
    return StructuralModel(
        graph,
        {
            name: LinearGaussian.of(graph.parents(name), slopes[index][: len(graph.parents(name))], 0.1, 0.5)
            for index, name in enumerate(graph.names)
        },
    )


def _networks() -> StructuralModel:
    graph = _graph()
    mechanisms = {}
    for index, name in enumerate(graph.names):
        causes = [graph.variable(cause) for cause in graph.parents(name)]
        function = Predictor.begun(Encoding.plain(causes), 1, HIDDEN, 0, index)
        for leaf in function.leaves[-1:]:
            leaf.copy_(torch.randn(leaf.shape, generator=seeded(1, index)) / 8)
        mechanisms[name] = AdditiveNoise(graph.parents(name), function, 0.5)
    return StructuralModel(graph, mechanisms)


def unrolled(model: StructuralModel, kind: torch.dtype = torch.float64) -> Callable[[Tensor, Noises], Values]:
    """do(x0 = v) of a model of this bench by its bare arithmetic in numbers of ``kind``: (v, noises) → values."""
    names = model.graph.names
    steps = []
    for name in names[1:]:
        mechanism = model.mechanisms[name]
        if isinstance(mechanism, LinearGaussian):
            steps.append((name, mechanism.parents, _as(mechanism.line.leaves, kind), mechanism.deviation))
        elif isinstance(mechanism, AdditiveNoise):
            steps.append((name, mechanism.parents, _as(mechanism.function.leaves, kind), 1.0))

    def evaluate(value: Tensor, noises: Noises) -> Values:
        values = {names[0]: value}
        for name, parents, (bias, slopes, *layers), deviation in steps:
            causes = torch.stack([values[parent] for parent in parents], dim=1)
            total = torch.addmm(bias, causes, slopes)
            if layers:
                hidden = causes
                for weight, shift in zip(layers[:-1:2], layers[1:-1:2], strict=True):
                    hidden = torch.addmm(shift, hidden, weight).sigmoid()
                total = torch.addmm(total, hidden, layers[-1])
            values[name] = torch.add(total, noises[name], alpha=deviation)[:, 0]
        return values

    return evaluate


def _as(leaves: Sequence[Tensor], kind: torch.dtype) -> list[Tensor]:
    return [leaf.to(kind) for leaf in leaves]


def _measure(model: StructuralModel, kind: torch.dtype) -> Row:
    plain = unrolled(model, kind)
    few, many = (_begun(model, count, kind) for count in (FEW, MANY))
    works: dict[str, Callable[[], object]] = {
        "model": partial(_dragged, model, *few),
        "unrolled": partial(plain, few[0], few[1]),
        "many": partial(_dragged, model, *many),
        "unrolled_many": partial(plain, many[0], many[1]),
    }
    with torch.inference_mode():
        taken = in_turns(works, WARM_UP, RUNS)
    return {
        "nodes": NODES,
        "rows": FEW,
        "many_rows": MANY,
        **medians(taken),
        "ratio": ratio(taken["model"], taken["unrolled"]),
        "rows_ratio": ratio(taken["many"], taken["model"]),
        "unrolled_rows_ratio": ratio(taken["unrolled_many"], taken["unrolled"]),
    }


def _begun(model: StructuralModel, count: int, kind: torch.dtype) -> tuple[Tensor, Noises, Values]:
    """What a drag begins with: where x0 is set to, the noises, and the rows that these were abducted from."""
    rows = {name: values.to(kind) for name, values in model.sample(count, 0).items()}
    return rows["x0"] + 1.0, model.abduct(rows), rows


def _dragged(model: StructuralModel, value: Tensor, noises: Noises, rows: Values) -> Values:
    return model.predict(noises, {"x0": Hard(value)}, rows)


def main() -> None:
    """``python -m explorer.bench.causal`` prints one JSON object."""
    devices.leave_a_core_free()
    tell(measure)


if __name__ == "__main__":
    main()
