"""A generator written as an ONNX graph, opened again and compared with what it was written from."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from explorer.errors import ExportError, ModelError, clause
from explorer.files import atomic_write, scratch_folder
from explorer.generators.base import Generator, Latent, Progress
from explorer.generators.class_labels import LABEL
from explorer.generators.onnx import FAMILY
from explorer.generators.onnx_description import METADATA_KEY, Description, InputDescription
from explorer.onnx_graphs.header import with_metadata
from explorer.scene.cards import ModelCard
from explorer.scene.model import Quality

SUFFIX = ".onnx"
OPSET = 18
LARGEST = 1_900_000_000
"""Bytes: a file of this format ends at 2 GB."""
WIDEST = 1024
"""Dimensions of a space whose spread is written down, as a matrix."""
POINTS, COMPARED = 8192, 4
TOLERANCE = 1e-2
"""Of a range of 2: what differs by more was not written as it draws."""
PICTURE = "picture"


@dataclass(frozen=True)
class Written:
    """``space``: of the points that the graph takes; ``difference``: the largest between the numbers of its pictures
    and those of the generator, which lie in [-1, 1]; ``note``: what is not as it was, or empty."""

    space: str
    shape: tuple[int, ...]
    difference: float
    note: str


def write(
    generator: Generator,
    path: Path,
    space: str = "",
    steps: int = 0,
    psi: float = 1.0,
    progress: Progress | None = None,
) -> Written:
    """Write ``generator``, from the points of ``space`` (empty: its first) to pictures, to ``path``.

    ``steps``: of the sampler, all of which are in the graph; 0: as few as while a slider moves. ``psi``: the truncation
    of points behind z. Raises :class:`ExportError` where it cannot be written, or draws something else when it is read
    again; nothing is written then.
    """
    report = progress or (lambda share: None)
    card = generator.card
    space = space or next(iter(card.spaces))
    _check(card, path, space)
    quality = Quality(steps=steps or card.interactive_steps, precision="float32")
    report(0.0)
    with torch.no_grad():
        start = _points(generator, space, range(COMPARED), psi)
        about, note = _described(generator, space, psi, quality)
        report(0.3)
        content = _traced(_Drawing(generator, space, start, quality), start, space)
        content = with_metadata(content, METADATA_KEY, msgspec.json.encode(about).decode())
        report(0.7)
        difference = _difference(generator, space, start, quality, content)
    atomic_write(path, content)
    report(1.0)
    return Written(space, card.spaces[space].shape, difference, note)


def _check(card: ModelCard, path: Path, space: str) -> None:
    if path.suffix.lower() != SUFFIX:
        raise ExportError(f"'{path.name}' does not end in {SUFFIX}, which is what ONNX graphs are kept in.")
    if not card.makes_pictures or not card.differentiable or "prompt" in card.capabilities:
        raise ExportError(
            f"'{card.name}' cannot be written as ONNX: what draws it is a graph already, follows a text or makes no "
            "pictures; choose a VAE, a GAN or a diffusion model without a prompt."
        )
    fit = [name for name, one in card.spaces.items() if name != LABEL and (one.prior or len(one.shape) == 1)]
    fit = [name for name in fit if card.spaces[name].prior or math.prod(card.spaces[name].shape) <= WIDEST]
    if space not in fit:
        told = f"choose {' or '.join(fit)}" if fit else "it has none from which it can be"
        raise ExportError(f"'{card.name}' cannot be written from space '{space}'; {told}.")
    if 4 * card.parameters > LARGEST:
        raise ExportError(f"'{card.name}' is larger than a file of ONNX can be, 2 GB; choose a smaller model.")


def _points(generator: Generator, space: str, seeds: Any, psi: float) -> Latent:
    return generator.advance(generator.sample(list(seeds), psi), space)


def _held(latent: Latent, space: str) -> dict[str, Tensor]:
    """What the graph is fed with: the points, and where the classes are not in them already, these."""
    fed = {space: latent.tensors[space].float()}
    if latent.label is not None and space == next(iter(latent.tensors)):
        fed[LABEL] = latent.label.float()
    return fed


class _Drawing(nn.Module):
    """From the points of one space, and classes, to pictures."""

    def __init__(self, generator: Generator, space: str, start: Latent, quality: Quality) -> None:
        super().__init__()
        self._generator, self._space, self._quality = generator, space, quality
        self._psi = start.truncation_psi

    def forward(self, points: Tensor, label: Tensor | None = None) -> Tensor:
        psi = None if self._psi is None else self._psi[:1].expand(len(points))
        return self._generator.render(Latent({self._space: points}, psi, label), self._quality)


def _traced(drawing: nn.Module, start: Latent, space: str) -> bytes:
    """The graph. One point is followed; what a generator keeps from one picture to the next is left alone where its
    points ask for a gradient."""
    fed = {name: tensor[:1].clone().requires_grad_() for name, tensor in _held(start, space).items()}
    try:
        with warnings.catch_warnings(), torch.enable_grad(), scratch_folder() as folder:
            warnings.simplefilter("ignore")  # of tracing, which is what is wanted here
            written = folder / f"graph{SUFFIX}"
            torch.onnx.export(
                drawing,
                tuple(fed.values()),
                written,
                dynamo=False,  # the other way needs a package more
                opset_version=OPSET,
                input_names=list(fed),
                output_names=[PICTURE],
                dynamic_axes={name: {0: "batch"} for name in (*fed, PICTURE)},
            )
            return written.read_bytes()
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0].split("  [Caused")[0]
        raise ExportError(f"This model cannot be written as ONNX: {clause(reason)}.") from error


def _described(generator: Generator, space: str, psi: float, quality: Quality) -> tuple[Description, str]:
    """What the graph says of itself, and what of it is not as in the generator."""
    card, latent = generator.card, _points(generator, space, [0], psi)
    told = [f"Written from '{card.name}', space {space}."]
    if latent.truncation_psi is not None and psi != 1 and space == next(iter(card.spaces)):
        told.append(f"Truncated at ψ {psi:g}.")
    if "steps" in card.capabilities:
        told.append(f"{quality.steps} sampler steps.")
    note = ""
    inputs: dict[str, InputDescription] = {}
    if card.spaces[space].prior != "normal":
        inputs[space] = _measured(generator, space, psi)
        note = f"points of {space} are drawn from a normal distribution with the mean and covariance of the model's own"
        told.append(f"{note[:1].upper()}{note[1:]}.")
    about = Description(
        latent=space,
        label=LABEL if LABEL in _held(latent, space) else "",
        classes=card.classes if LABEL in _held(latent, space) else 0,
        inputs=inputs,
        output=PICTURE,
        shape=(card.shape[0], card.shape[1], card.shape[2]),
        range=(-1.0, 1.0),
        layout="NCHW",
        licence=card.licence,
        origin=card.origin,
        notes=" ".join(told),
    )
    return about, note


def _measured(generator: Generator, space: str, psi: float) -> InputDescription:
    """How the points of ``space`` lie: mean, and a matrix whose product with its transpose is their covariance."""
    parts = [_points(generator, space, range(first, first + 1024), psi) for first in range(0, POINTS, 1024)]
    points = torch.cat([part.tensors[space].flatten(1).double().cpu() for part in parts])
    values, vectors = torch.linalg.eigh(points.T.cov().reshape(points.shape[1], -1))
    spread = vectors * values.clamp_min(0).sqrt()
    return InputDescription(mean=tuple(_rounded(points.mean(0))), spread=tuple(tuple(_rounded(row)) for row in spread))


def _rounded(numbers: Tensor) -> list[float]:
    return [float(f"{number:.6g}") for number in numbers.tolist()]


def _difference(generator: Generator, space: str, start: Latent, quality: Quality, content: bytes) -> float:
    """Between the pictures of both, of the same points. Raises :class:`ExportError` where it is no small one."""
    with scratch_folder() as folder:
        path = folder / f"graph{SUFFIX}"
        path.write_bytes(content)
        try:
            again = FAMILY.load(path, generator.device)
        except ModelError as error:
            raise ExportError(f"What was written cannot be read again: {clause(error)}.") from error
    fed = _held(start, space)
    points = {next(iter(again.card.spaces)): fed[space]}
    drawn = again.render(Latent(points, None, fed.get(LABEL)), Quality())
    expected = generator.render(Latent({space: fed[space]}, start.truncation_psi, fed.get(LABEL)), quality)
    found = float((drawn - expected.clamp(-1, 1)).abs().max())
    if not found <= TOLERANCE:
        raise ExportError(
            f"'{generator.card.name}' draws otherwise as an ONNX graph, by up to {found:.2g} of a range of 2; it was "
            "not written."
        )
    return found
