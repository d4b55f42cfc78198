"""Checkpoints of flows, written in the layout that their authors' trainers write, and the authors' schemes written
anew: gradients by autograd, the steps one by one."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Velocity = Callable[[Tensor, float], Tensor]
"""(1, d) at a point (1, d) and a time."""

SQUARE = ("layer_x", "layer_time", "layer_time2", "layer_fusion")


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def mlp(width: int, prefix: str, seed: int) -> dict[str, Tensor]:
    """One network of a potential: 4 (d² + d) + d + 1 numbers."""
    state = {}
    for index, layer in enumerate((*SQUARE, "layer_out")):
        rows = 1 if layer == "layer_out" else width
        state[f"{prefix}{layer}.weight"] = normal(rows, width, seed=10 * seed + index, scale=1.5 / math.sqrt(width))
        state[f"{prefix}{layer}.bias"] = normal(rows, seed=10 * seed + index + 5, scale=0.3)
    return state


def pdetraversal_state(count: int, width: int) -> dict[str, Tensor]:
    state = {"c": torch.linspace(0.5, 1.5, count).reshape(count, 1)}
    for k in range(count):
        state |= mlp(width, f"MLP_SET.{k}.", k)
    return state


def latent_flow_state(count: int, width: int, rest: bool) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for k in range(count):
        state |= mlp(width, f"MLP_SET.{k}.", k)
    for k in range(count):
        if not rest:
            state |= mlp(width, f"FORCE_SET.{k}.", 100 + k)
            continue
        for index, layer in enumerate(("layer_x", "layer_out")):
            state[f"DIV_MLP.{k}.{layer}.weight"] = normal(width, width, seed=200 + 2 * k + index, scale=0.5)
            state[f"DIV_MLP.{k}.{layer}.bias"] = normal(width, seed=300 + 2 * k + index, scale=0.2)
    return state


def warped_state(count: int, dipoles: int, width: int, gamma: float | None = None) -> dict[str, Tensor]:
    """``gamma``: of all sets, else each has learned its own."""
    supports = normal(count, dipoles, width, seed=7, scale=1.5)
    pairs = torch.stack([supports, -supports], dim=2).reshape(count, 2 * dipoles * width)
    learned = torch.linspace(0.05, 0.3, count) if gamma is None else torch.full((count,), gamma)
    return {
        "SUPPORT_SETS": pairs + normal(*pairs.shape, seed=8, scale=0.1),
        "ALPHAS": torch.tensor([1.0, -1.0]).repeat(count, dipoles),
        "LOGGAMMA": learned.log().reshape(count, 1),
    }


def write(folder: Path, state: dict[str, Tensor], args: dict[str, Any] | None = None, checkpoint: bool = True) -> Path:
    """``models/checkpoint.pt`` of an experiment's folder, or its final ``models/support_sets.pt``."""
    (folder / "models").mkdir(parents=True, exist_ok=True)
    if args is not None:
        (folder / "args.json").write_text(json.dumps(args))
    path = folder / "models" / ("checkpoint.pt" if checkpoint else "support_sets.pt")
    whole = {"iter": 120000, "support_sets": state, "reconstructor": {"fc.weight": normal(2, 3)}}
    torch.save(whole if checkpoint else state, path)
    return path


def potential(state: dict[str, Tensor], prefix: str, bounded: bool, z: Tensor, time: float) -> Tensor:
    """u (1,) of the published network, in the precision of ``z``."""

    def layer(name: str, rows: Tensor) -> Tensor:
        own = (state[f"{prefix}{name}.{part}"].to(z.dtype) for part in ("weight", "bias"))
        return functional.linear(rows, *own)

    half = z.shape[1] // 2
    waves = torch.tensor([10000 ** (-i / (half - 1)) for i in range(half)], dtype=z.dtype)
    embedded = torch.cat([torch.sin(time * waves), torch.cos(time * waves)])[None]
    at = layer("layer_time2", functional.gelu(layer("layer_time", embedded)))
    value = layer("layer_out", torch.tanh(layer("layer_fusion", torch.tanh(layer("layer_x", z)) + at)))
    return (torch.tanh(value) if bounded else value)[:, 0]


def gradient(state: dict[str, Tensor], prefix: str, bounded: bool) -> Velocity:
    """∇u by autograd."""

    def velocity(z: Tensor, time: float) -> Tensor:
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            (found,) = torch.autograd.grad(potential(state, prefix, bounded, z, time).sum(), z)
        return found

    return velocity


def with_rest(state: dict[str, Tensor], k: int) -> Velocity:
    along = gradient(state, f"MLP_SET.{k}.", True)

    def velocity(z: Tensor, time: float) -> Tensor:
        row = z
        for layer in ("layer_x", "layer_out"):
            weight, bias = (state[f"DIV_MLP.{k}.{layer}.{part}"].to(z.dtype) for part in ("weight", "bias"))
            row = torch.tanh(row @ weight.T + bias)
        return along(z, time) + row

    return velocity


def warped(state: dict[str, Tensor], k: int, gamma: float) -> Velocity:
    """∇f / ‖∇f‖ by autograd."""

    def velocity(z: Tensor, time: float) -> Tensor:
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            alphas = state["ALPHAS"][k].to(z.dtype)
            supports = state["SUPPORT_SETS"][k].to(z.dtype).reshape(len(alphas), -1)
            f = sum(a * torch.exp(-gamma * ((z - s) ** 2).sum()) for a, s in zip(alphas, supports, strict=True))
            (found,) = torch.autograd.grad(f, z)
        return found / found.norm()

    return velocity


def released(velocity: Velocity, start: Tensor, steps: int, eps: float, first: int = 0) -> Tensor:
    """(|steps|, d): the points that the authors' loop reaches, ``steps`` below 0 the other way."""
    z, points = start, []
    sign = 1 if steps > 0 else -1
    for step in range(abs(steps)):
        z = z + sign * eps * velocity(z, float(first + step))
        points.append(z[0])
    return torch.stack(points)


def gradctrl(
    folder: Path,
    classes: tuple[int, ...],
    width: int,
    parameters: dict[str, Any] | None = None,
    hidden: int = 5,
    shared: int = 0,
) -> Path:
    """``model.pth`` of as many classifiers as ``classes``, each with so many outputs; beside it ``model_params.pkl``
    where there are ``parameters``."""
    folder.mkdir(parents=True, exist_ok=True)
    state: dict[str, Tensor] = {}

    def layer(name: str, rows: int, columns: int) -> None:
        seed = len(state)
        state[f"{name}.weight"] = normal(rows, columns, seed=seed, scale=1 / math.sqrt(columns))
        state[f"{name}.bias"] = normal(rows, seed=seed + 1, scale=0.2)

    for place in range(0, 2 * shared, 2):
        layer(f"shared.{place}", width, width)
    for index, outputs in enumerate(classes):
        if hidden:
            layer(f"classifiers.{index}.classifier.0", hidden, width)
        layer(f"classifiers.{index}.classifier.{2 if hidden else 0}", outputs, hidden or width)
    torch.save(state, folder / "model.pth")
    if parameters is not None:
        whole = {"n_attributes": len(classes), "n_shared_layers": shared, "hidden_size": hidden or None, **parameters}
        (folder / "model_params.pkl").write_bytes(pickle.dumps(whole, 3))
    return folder / "model.pth"


def probability(state: dict[str, Tensor], index: int, w: Tensor) -> Tensor:
    """(1, C) of classifier ``index``: sigmoid of one output, softmax of several."""
    prefixes = [key.removesuffix(".weight") for key in state if key.endswith(".weight")]
    own = [name for name in prefixes if name.startswith(("shared.", f"classifiers.{index}."))]
    for number, name in enumerate(own):
        w = functional.linear(w, state[f"{name}.weight"].to(w.dtype), state[f"{name}.bias"].to(w.dtype))
        if number < len(own) - 1:
            w = functional.leaky_relu(w, 0.1)
    return torch.sigmoid(w) if w.shape[1] == 1 else torch.softmax(w, 1)


def controlled(state: dict[str, Tensor], index: int, target: int, held: dict[int, int]) -> Velocity:
    """v / ‖v‖ of the gradient of a probability, without the channels that move others most (``held``: classifier →
    how many)."""

    def gradient_of(classifier: int, place: int, w: Tensor) -> Tensor:
        with torch.enable_grad():
            w = w.detach().requires_grad_()
            (found,) = torch.autograd.grad(probability(state, classifier, w)[0, place], w)
        return found

    def velocity(w: Tensor, time: float) -> Tensor:
        found = gradient_of(index, target, w)
        for other, count in held.items():
            steepest = gradient_of(other, 0, w)[0].abs().argsort()[-count:]
            found[0, steepest] = 0
        return found / found.norm()

    return velocity
