"""A loaded ONNX generator: its graph run by onnxruntime, in batches as it takes them. It has no gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.errors import ModelError
from explorer.generators.base import Latent, standard_normal
from explorer.generators.class_labels import LABEL, drawn_labels, label_of
from explorer.generators.onnx_description import InputDescription
from explorer.generators.onnx_interface import Feed, Interface
from explorer.onnx_graphs.header import DOUBLE, FLOAT, FLOAT16, INT32, INT64, written
from explorer.onnx_graphs.session import first_line
from explorer.scene.cards import ModelCard
from explorer.scene.model import Condition, Quality

BATCH = 16
TRIED = 8
"""Pictures that show between what numbers black and white lie."""
TYPES: dict[int, Any] = {FLOAT: np.float32, FLOAT16: np.float16, DOUBLE: np.float64, INT32: np.int32, INT64: np.int64}
_BYTES_FROM, _SIGNED_BELOW = 16.0, -0.1

Array = NDArray[Any]


@dataclass(frozen=True)
class Graph:
    """A session, and how it is fed."""

    path: Path
    session: Any
    interface: Interface

    def drawn(self, inputs: dict[str, Tensor], count: int) -> Array:
        """(count, …) what the graph makes of ``inputs``: name of an input → (count, *shape). Raises
        :class:`ModelError` where it fails."""
        parts = []
        batch = self.interface.batch or (1 if any(feed.is_shared for feed in self.interface.feeds) else BATCH)
        for start in range(0, count, batch):
            size = min(batch, count - start)
            # A graph that takes so many and no fewer is fed the last point again.
            rows = [min(start + row, count - 1) for row in range(self.interface.batch or size)]
            fed = {feed.slot.name: _fed(feed, inputs[feed.slot.name][rows]) for feed in self.interface.feeds}
            parts.append(self.run(fed, len(rows))[:size])
        return np.concatenate(parts)

    def run(self, fed: dict[str, Array], count: int) -> Array:
        """(count, …) what the graph makes of ``fed``, in its own form. Raises :class:`ModelError` where it fails."""
        try:
            (made,) = self.session.run([self.interface.output.name], fed)
        except Exception as error:  # onnxruntime's errors have no base of their own
            raise ModelError(f"'{self.path.name}' cannot be run ({first_line(error)}); export it again.") from error
        found = np.asarray(made)
        if found.ndim < 2 or len(found) != count:
            raise ModelError(
                f"'{self.path.name}' made {written(found.shape)} numbers of {count} points; it must make a picture of "
                "each."
            )
        return found

    def pictures(self, inputs: dict[str, Tensor], count: int) -> Tensor:
        """(count, channels, height, width) float32 on the CPU, in the numbers of the graph."""
        made, expected = self.drawn(inputs, count), self.interface.shape
        channels, height, width = expected
        if self.interface.flat:
            if made[0].size != math.prod(expected):
                raise ModelError(
                    f"'{self.path.name}' makes {made[0].size} numbers a picture, and its description says "
                    f"{written(expected)}."
                )
            inner = (channels, height, width) if self.interface.layout == "NCHW" else (height, width, channels)
            made = made.reshape(count, *inner)
        if made.ndim != 4:
            raise ModelError(f"'{self.path.name}' makes {written(made.shape)} numbers, which are no pictures.")
        found = torch.from_numpy(np.ascontiguousarray(made, np.float32))
        found = found if self.interface.layout == "NCHW" else found.permute(0, 3, 1, 2)
        if any(side not in (0, own) for side, own in zip(expected, found.shape[1:], strict=True)):
            raise ModelError(
                f"'{self.path.name}' makes pictures of shape {written(tuple(found.shape[1:]))} where "
                f"{written(expected)} belongs."
            )
        return found.contiguous()


def _fed(feed: Feed, value: Tensor) -> Array:
    """``value`` (B, *shape) as the graph takes it."""
    rows = value.argmax(1) if feed.role == "class" else value
    array = rows.cpu().numpy().astype(TYPES[feed.slot.kind])
    if feed.is_shared:
        return array.reshape(-1)[:1].reshape(())
    if feed.role == "class" or len(feed.slot.shape or ()) == 1:
        return array.reshape(len(array), *[1] * (len(feed.slot.shape or ()) - 1))
    return np.ascontiguousarray(array)


def blank(interface: Interface) -> dict[str, Array]:
    """What the graph is fed with for points of zeros, as few as it takes."""
    fed = {}
    for feed in interface.feeds:
        zeros = torch.zeros(interface.batch or 1, *feed.shape)
        fed[feed.slot.name] = _fed(feed, torch.ones_like(zeros) if feed.role == "truncation" else zeros)
    return fed


class Prior:
    """Points of one input: mean + deviation · N(0, I), or mean + spread · N(0, I)."""

    def __init__(self, about: InputDescription, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.mean = torch.tensor(about.mean, dtype=torch.float32).expand(math.prod(shape)).reshape(shape)
        self._spread = torch.tensor(about.spread, dtype=torch.float32) if about.spread else None
        self._deviation = torch.tensor(about.deviation, dtype=torch.float32).expand(math.prod(shape)).reshape(shape)

    @property
    def is_standard(self) -> bool:
        """Whether it is N(0, I)."""
        return self._spread is None and not bool(self.mean.any()) and bool((self._deviation == 1).all())

    def drawn(self, seeds: Sequence[int], truncation_psi: float) -> Tensor:
        """(B, *shape), a point a seed, the nearer to the mean the smaller ``truncation_psi``."""
        if self._spread is None:
            return self.mean + truncation_psi * self._deviation * standard_normal(seeds, self.shape)
        normal = standard_normal(seeds, self._spread.shape[1:])
        return self.mean + truncation_psi * (normal @ self._spread.T).reshape(-1, *self.shape)


class OnnxGenerator:
    """Spaces: the input that is drawn for a seed, the classes of a conditional graph, and every other input of floating
    point, which starts at its mean."""

    def __init__(
        self, card: ModelCard, graph: Graph, device: torch.device, value_range: tuple[float, float] | None = None
    ) -> None:
        self.card = card
        self.device = device
        self.graph = graph
        self._feeds = graph.interface.feeds
        self._priors = {
            feed.space: Prior(feed.about, feed.shape) for feed in self._feeds if feed.role in ("latent", "space")
        }
        self._first = graph.interface.latent.space
        self._has_psi = any(feed.role == "truncation" for feed in self._feeds)
        self.range = value_range or self.guessed_range()

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        """One point a seed, of a conditional graph with a class that is drawn for it, too. Truncation is the graph's
        own where it has an input for it; else the point of a vector lies nearer to the mean."""
        pulled = 1.0 if self._has_psi or "truncation" not in self.card.capabilities else truncation_psi
        point = self._priors[self._first].drawn(seeds, pulled).to(self.device)
        psi = torch.full((len(seeds),), float(truncation_psi), device=self.device) if self._has_psi else None
        classes = self.card.classes
        return Latent({self._first: point}, psi, drawn_labels(seeds, classes).to(self.device) if classes else None)

    def advance(self, latent: Latent, space: str) -> Latent:
        """``latent`` with ``space`` filled in: with its classes, or with the mean of an input, which changes nothing.
        Raises KeyError for a space that there is none of."""
        if space in latent.tensors:
            return latent
        return latent.with_space(space, self._filled(latent, space))

    def _filled(self, latent: Latent, space: str) -> Tensor:
        if space == LABEL and self.card.classes:
            if latent.label is not None:
                return latent.label.to(self.device, torch.float32)
            return torch.eye(1, self.card.classes, device=self.device).repeat(latent.batch, 1)
        mean = self._priors[space].mean.to(self.device)
        return mean.expand(latent.batch, *mean.shape).clone()

    def conditioned(self, latent: Latent, condition: Condition) -> Latent:
        """``latent`` with the classes of ``condition``, where it names some."""
        if not condition.classes:
            return latent
        label = label_of(self.card, condition.classes).to(self.device)
        return replace(latent, label=label.repeat(latent.batch, 1))

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        """(B, C, H, W) in [-1, 1]; any quality is full quality. Raises :class:`ModelError` where a gradient is asked
        for."""
        if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in latent.tensors.values()):
            raise ModelError(
                f"'{self.card.name}' is an ONNX graph, whose pictures have no gradients; choose what needs none."
            )
        low, high = self.range
        pictures = self.graph.pictures(self._inputs(latent), latent.batch)
        return ((pictures - low) * (2.0 / (high - low)) - 1.0).clamp(-1.0, 1.0).to(self.device)

    def _inputs(self, latent: Latent) -> dict[str, Tensor]:
        inputs: dict[str, Tensor] = {}
        for feed in self._feeds:
            if feed.role == "truncation":
                psi = latent.truncation_psi
                inputs[feed.slot.name] = torch.ones(latent.batch, 1) if psi is None else psi.reshape(-1, 1)
            else:
                inputs[feed.slot.name] = self.advance(latent, feed.space).tensors[feed.space]
        return inputs

    def guessed_range(self) -> tuple[float, float]:
        """Between what numbers its pictures lie, as :data:`TRIED` of them show. Raises :class:`ModelError` where a
        number is not finite."""
        # One by one, which takes least memory.
        latents = [self.sample([seed]) for seed in range(TRIED)]
        pictures = torch.cat([self.graph.pictures(self._inputs(latent), 1) for latent in latents])
        if not bool(pictures.isfinite().all()):
            raise ModelError(
                f"'{self.card.name}' makes pictures with numbers that are not finite; it diverged in training, or the "
                "file is damaged."
            )
        if float(pictures.max()) > _BYTES_FROM:
            return 0.0, 255.0
        return (-1.0, 1.0) if float(pictures.min()) < _SIGNED_BELOW else (0.0, 1.0)


class OnnxAutoencoder(OnnxGenerator):
    """One with an encoder beside it."""

    def __init__(
        self, card: ModelCard, graph: Graph, device: torch.device, value_range: tuple[float, float] | None, encoder: Any
    ) -> None:
        super().__init__(card, graph, device, value_range)
        self._encoder = encoder

    def encode(self, outputs: Tensor) -> Latent:
        """The point of pictures (B, C, H, W) in [-1, 1]. Raises :class:`ModelError` unless they have the size that the
        card says."""
        if tuple(outputs.shape[1:]) != self.card.shape:
            raise ModelError(
                f"'{self.card.name}' encodes pictures of shape {self.card.shape} (channels, height, width), "
                f"not {tuple(outputs.shape[1:])}; resize them first."
            )
        return Latent({self._first: self._encoder.encoded(outputs).to(self.device)})


class Encoder:
    """The encoder beside a decoder. Which of its numbers are the point (the mean, which may stand before or behind the
    log-variance), and between what numbers its pictures lie, is what brings back the decoder's own pictures."""

    def __init__(self, path: Path, session: Any, decoder: OnnxGenerator) -> None:
        self._path, self._session = path, session
        (self._input,) = session.get_inputs()
        shape = [side if isinstance(side, int) else 0 for side in self._input.shape]
        self._is_last = shape[1] not in (0, decoder.card.shape[0]) and shape[3] in (0, decoder.card.shape[0])
        self._batch = shape[0]
        self._point = decoder.card.spaces[next(iter(decoder.card.spaces))].shape
        self._choice = self._chosen(decoder)

    def encoded(self, pictures: Tensor) -> Tensor:
        """(B, *point) of (B, C, H, W) in [-1, 1]."""
        value_range, which = self._choice
        return self._candidates(pictures, value_range)[which]

    def _chosen(self, decoder: OnnxGenerator) -> tuple[tuple[float, float], int]:
        with torch.no_grad():
            drawn = decoder.render(decoder.sample(range(TRIED)), Quality())
            errors: dict[tuple[tuple[float, float], int], float] = {}
            for value_range in ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)):
                for which, point in enumerate(self._candidates(drawn, value_range)):
                    if bool(point.isfinite().all()):
                        first = next(iter(decoder.card.spaces))
                        back = decoder.render(Latent({first: point.to(decoder.device)}), Quality())
                        errors[value_range, which] = float((back - drawn).square().mean())
        typical = float((drawn - drawn.roll(1, 0)).square().mean())
        best = min(errors, key=errors.__getitem__, default=None)
        if best is None or errors[best] >= typical:
            raise ModelError(
                f"'{self._path.name}' does not bring back the pictures of the decoder beside it; it is the encoder of "
                "another model, so move it elsewhere."
            )
        return best

    def _candidates(self, pictures: Tensor, value_range: tuple[float, float]) -> list[Tensor]:
        """All of its outputs, and halves of these, that have the shape of a point."""
        low, high = value_range
        scaled = (pictures.float().cpu() + 1) / 2 * (high - low) + low
        scaled = scaled.permute(0, 2, 3, 1) if self._is_last else scaled
        found: list[Tensor] = []
        for made in self._outputs(scaled.numpy()):
            if tuple(made.shape[1:]) == self._point:
                found.append(made)
            elif made.ndim == len(self._point) + 1 and made.shape[1] == 2 * self._point[0]:
                found += [half for half in made.chunk(2, 1) if tuple(half.shape[1:]) == self._point]
        return found

    def _outputs(self, pictures: Array) -> list[Tensor]:
        kinds = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
        kind, count = kinds[self._input.type], len(pictures)
        parts: list[list[Array]] = []
        for start in range(0, count, self._batch or BATCH):
            some = pictures[start : start + (self._batch or BATCH)]
            missing = self._batch - len(some)
            if missing > 0:
                some = np.concatenate([some, np.repeat(some[-1:], missing, 0)])
            try:
                made = self._session.run(None, {self._input.name: np.ascontiguousarray(some, kind)})
            except Exception as error:  # onnxruntime's errors have no base of their own
                raise ModelError(
                    f"'{self._path.name}' cannot encode pictures ({first_line(error)}); move it elsewhere to open the "
                    "decoder alone."
                ) from error
            parts.append([np.asarray(one)[: count - start] for one in made])
        floats = [group for group in zip(*parts, strict=True) if group[0].dtype.kind == "f" and group[0].ndim > 1]
        return [torch.from_numpy(np.concatenate(group).astype(np.float32)) for group in floats]
