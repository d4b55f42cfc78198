"""Analytic generators for tests: smooth, differentiable, instant, and repeatable from a seed. No files, no training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec
import torch
from small_causes import linear_chain
from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.coding import Axis, Coding
from explorer.causal.model import StructuralModel
from explorer.controls.base import Control
from explorer.generators.base import Latent, Progress, Verdict, standard_normal
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Quality

LAYERS = 4


def _cosines(source: torch.Generator, count: int, channels: int, size: int, frequency: float) -> Tensor:
    """(count, channels, size, size) plane cosines of at most ``frequency`` half-periods across the picture."""
    wave = torch.rand(count, channels, 3, generator=source) * 2 - 1
    y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    angle = frequency * (wave[..., 0, None, None] * x + wave[..., 1, None, None] * y) + wave[..., 2, None, None]
    return torch.cos(math.pi * angle)


class ToyGenerator:
    """z → w = tanh(A z) + z / 2 → w_plus (w on 4 layers) → tanh of a sum of cosines.

    Each layer draws finer waves than the one before it. Truncation acts between z and w,
    around the mean of w (0, by symmetry), as in StyleGAN2.
    """

    def __init__(self, seed: int = 0, width: int = 10, size: int = 16, channels: int = 3, name: str = "toy") -> None:
        source = torch.Generator("cpu").manual_seed(seed)
        self.device = torch.device("cpu")
        self.mapping = torch.randn(width, width, generator=source) / math.sqrt(width)
        # (layers, features, width): what a style layer does first with w, and what SeFa looks at.
        self.affine = torch.randn(LAYERS, width, width, generator=source) / math.sqrt(width)
        # Column scales tell the directions apart, so that no two eigenvalues coincide.
        self.affine *= torch.linspace(1.5, 0.25, width)
        self.waves = torch.stack(
            [_cosines(source, width, channels, size, frequency) for frequency in (0.5, 1.0, 2.0, 3.0)]
        )
        self.rendered = 0  # pictures so far, for tests that count
        self.card = ModelCard(
            name=name,
            family="toy",
            path=f"toy:{seed}",
            output=IMAGE.card((channels, size, size)),
            spaces={
                "z": SpaceCard(shape=(width,), prior="normal"),
                "w": SpaceCard(shape=(width,)),
                "w_plus": SpaceCard(shape=(LAYERS, width), layers=LAYERS),
            },
            fingerprint=f"{seed:08x}{width:04x}{size:04x}{channels:04x}".rjust(64, "0"),
            capabilities=("truncation", "affine"),
        )

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        z = standard_normal(seeds, self.card.spaces["z"].shape)
        return Latent({"z": z}, torch.full((len(seeds),), truncation_psi))

    def advance(self, latent: Latent, space: str) -> Latent:
        if space in latent.tensors:
            return latent
        if space == "w":
            z = latent.tensors["z"]
            w = torch.tanh(z @ self.mapping.T) + z / 2
            psi = latent.truncation_psi
            return latent.with_space("w", w if psi is None else psi.to(w)[:, None] * w)
        if space == "w_plus":
            mapped = self.advance(latent, "w")
            return mapped.with_space("w_plus", mapped.tensors["w"][:, None].repeat(1, LAYERS, 1))
        raise KeyError(space)

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        w_plus = self.advance(latent, "w_plus").tensors["w_plus"]
        features = torch.einsum("lfd,bld->blf", self.affine, w_plus)
        self.rendered += len(features)
        return torch.tanh(torch.einsum("lfchw,blf->bchw", self.waves, features) * 2 / self.affine.shape[-1])

    def first_affine_weights(self, layers: tuple[int, int] | None = None) -> list[Tensor]:
        """One (features, width) weight for each layer from ``layers[0]`` to ``layers[1]``, both included; None: all."""
        first, last = layers or (0, LAYERS - 1)
        return list(self.affine[first : last + 1])


class ToyVae:
    """An exactly invertible decoder x = tanh(D z): the posterior's mean is the z of the picture.

    The variance of axis j is ``variances[j]``; an axis of variance 1 is passive (D ignores it, and its mean is 0).
    """

    def __init__(self, variances: Sequence[float] = (0.01, 1.0, 0.05, 1.0, 0.001, 0.4), size: int = 8) -> None:
        source = torch.Generator("cpu").manual_seed(len(variances))
        self.device = torch.device("cpu")
        self.variances = torch.tensor(variances)
        # An orthonormal frame of pixels: the inverse is the transpose.
        frame = torch.linalg.qr(torch.randn(size * size, len(variances), generator=source)).Q
        self.decoder = frame * (self.variances < 1)
        self.card = ModelCard(
            name="toy-vae",
            family="toy_vae",
            path="toy-vae",
            output=IMAGE.card((1, size, size)),
            spaces={"z": SpaceCard(shape=(len(variances),), prior="normal")},
            fingerprint="e" * 64,
            capabilities=("encode", "posterior"),
        )

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        return Latent({"z": standard_normal(seeds, self.card.spaces["z"].shape) * truncation_psi})

    def advance(self, latent: Latent, space: str) -> Latent:
        return latent

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        size = self.card.size
        return torch.tanh(latent.tensors["z"] @ self.decoder.T).reshape(-1, 1, *size)

    def posterior(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        mean = torch.atanh(outputs.flatten(1).clamp(-1 + 1e-6, 1 - 1e-6)) @ self.decoder
        return mean, self.variances.log().expand_as(mean).clone()


class ToyDiffusion:
    """x_T (1, 4, 4) → bottleneck (2, 3, 3) = M x_T, to which h is added → tanh of N (bottleneck + h), in one step."""

    def __init__(self, seed: int = 0) -> None:
        source = torch.Generator("cpu").manual_seed(seed)
        self.device = torch.device("cpu")
        self.down = torch.randn(18, 16, generator=source) * torch.linspace(2.0, 0.1, 16)
        self.up = torch.randn(64, 18, generator=source) / 8
        self.card = ModelCard(
            name="toy-diffusion",
            family="toy_diffusion",
            path="toy-diffusion",
            output=IMAGE.card((1, 8, 8)),
            spaces={"x_T": SpaceCard(shape=(1, 4, 4), prior="normal"), "h": SpaceCard(shape=(2, 3, 3))},
            fingerprint="d" * 64,
            capabilities=("steps", "bottleneck"),
            full_steps=10,
            interactive_steps=2,
        )

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        return Latent({"x_T": standard_normal(seeds, (1, 4, 4))})

    def advance(self, latent: Latent, space: str) -> Latent:
        return latent if space in latent.tensors else latent.with_space(space, torch.zeros(latent.batch, 2, 3, 3))

    def bottleneck(self, latent: Latent, quality: Quality) -> Tensor:
        return (latent.tensors["x_T"].flatten(1) @ self.down.T).reshape(-1, 2, 3, 3)

    def bottlenecks(self, latent: Latent, quality: Quality) -> tuple[tuple[float, ...], Tensor]:
        """In two steps, their mean :meth:`bottleneck`."""
        whole = self.bottleneck(latent, quality)
        turned = whole.flip(1) / 2
        return (0.75, 0.25), torch.stack([whole - turned, whole + turned], 1)

    def predicted_by_h(self, latent: Latent, noise: float, h: Tensor) -> Tensor:
        """The picture, half as large; whatever the ``noise``."""
        own = latent.holding({"x_T": latent.tensors["x_T"]})
        points = own.each(lambda one: one.expand(len(h), *one.shape[1:])).with_space("h", h)
        return torch.nn.functional.avg_pool2d(self.render(points, Quality()), 2)

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        h = self.bottleneck(latent, quality) + self.advance(latent, "h").tensors["h"]
        return torch.tanh(h.flatten(1) @ self.up.T).reshape(-1, 1, 8, 8)


class ToyFamily:
    """Loads ``ToyGenerator`` from a folder that holds ``toy.txt`` with its seed; a test puts it among the families."""

    name = "toy"
    title = "toy generators"
    short_title = "toy"

    def specimens(self) -> tuple[ModelCard, ...]:
        return (ToyGenerator().card,)

    def identify(self, path: Path) -> Verdict:
        file = path / "toy.txt"
        if not file.is_file():
            return Verdict(False, f"'{path.name}' holds no toy.txt.")
        if not file.read_text().strip().isdigit():
            return Verdict(True, f"'{file}' holds no seed.", problem=True)
        return Verdict(True, f"'{path.name}' holds a toy generator.")

    def describe(self, path: Path) -> ModelCard:
        return self.load(path, torch.device("cpu")).card

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> ToyGenerator:
        generator = ToyGenerator(int((path / "toy.txt").read_text()))
        generator.card = msgspec.structs.replace(generator.card, path=str(path), name=path.name)
        return generator


def trajectory(control: Control, latent: Tensor, amounts: Tensor) -> Tensor:
    """(N, B, *shape): where ``control`` leads from ``latent`` (B, *shape) by ``amounts`` (N,)."""
    return torch.stack([control.move(latent, amount.expand(latent.shape[0])) for amount in amounts])


class ToyCauses:
    """Bars whose brightness is the value of a variable: a → b → c, b = 2a + u, c = 3b + u, on three axes of z; the
    others shift the background."""

    def __init__(self, size: int = 8) -> None:
        self.device = torch.device("cpu")
        self.model, self.width = linear_chain(), 5
        self.card = ModelCard(
            name="toy-causes",
            family="toy_causes",
            path="toy-causes",
            output=IMAGE.card((1, size, size)),
            spaces={"z": SpaceCard(shape=(self.width,))},
            fingerprint="c" * 64,
            capabilities=("axes", "causes", "encode"),
        )
        source = torch.Generator("cpu").manual_seed(3)
        self.frame = torch.linalg.qr(torch.randn(size * size, self.width, generator=source)).Q

    def structural_model(self) -> StructuralModel:
        return self.model

    def coding(self) -> Coding:
        return Coding({"a": Axis(3, 1.0, 2.0), "b": Axis(1, -1.0, 4.0), "c": Axis(0, 0.0, 12.0)}, self.width)

    def observed(self) -> Values:
        return self.model.sample(2000, 0)

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        z = standard_normal(seeds, (self.width,)) * truncation_psi
        rows = {name: torch.cat([self.model.sample(1, seed)[name] for seed in seeds]) for name in "abc"}
        coding = self.coding()
        return Latent({"z": coding.written(z, coding.values(z), rows)})

    def advance(self, latent: Latent, space: str) -> Latent:
        return latent

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        return torch.tanh(latent.tensors["z"] @ self.frame.T * 2).reshape(-1, *self.card.shape)

    def encode(self, outputs: Tensor) -> Latent:
        return Latent({"z": torch.atanh(outputs.flatten(1).clamp(-1 + 1e-6, 1 - 1e-6)) @ self.frame / 2})

    def axis_controls(self) -> tuple[Control, ...]:
        return ()


class ToyCausesFamily(ToyFamily):
    """Loads ``ToyCauses`` from a folder that holds ``toy.txt``."""

    name = "toy_causes"

    def specimens(self) -> tuple[ModelCard, ...]:
        return (ToyCauses().card,)

    def describe(self, path: Path) -> ModelCard:
        return self.load(path, torch.device("cpu")).card

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> ToyCauses:  # type: ignore[override]
        generator = ToyCauses()
        generator.card = msgspec.structs.replace(generator.card, path=str(path), name=path.name)
        return generator
