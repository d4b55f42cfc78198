"""Plain multilayer-perceptron GANs: the state dict of a ``Sequential`` of linear layers, in one PyTorch file.

Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014, in the layout that tutorials made common: layers ``0.``,
``2.``, ``4.``, … with ReLU between them and tanh at the end, z ~ N(0, I), the last layer one output a pixel and
channel.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from explorer.checkpoint import check_finite, read_torch
from explorer.controls.base import WeightEdits
from explorer.errors import ModelError
from explorer.generators.base import Generator, Latent, Progress, Verdict, specimen, standard_normal
from explorer.generators.weights import WeightViews, grouped, named_tensors
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.reading import fingerprint_of
from explorer.scene.cards import ModelCard, SpaceCard
from explorer.scene.model import Quality

CAPABILITIES = ("truncation", "affine", "activations", "weights")
SUFFIXES = (".ckpt", ".pt", ".pth")
MAX_BYTES = 256 << 20  # a perceptron beyond this is none that draws pictures; larger files are not read to find out
_KEY = re.compile(r"(0|[1-9]\d*)\.(weight|bias)")


class MlpGanGenerator:
    """A loaded perceptron. Always float32: it is so small that half precision gains nothing."""

    def __init__(self, card: ModelCard, layers: Sequence[tuple[Tensor, Tensor]], device: torch.device) -> None:
        self.card = card
        self.device = device
        self._views: WeightViews[nn.Sequential] = WeightViews()
        modules: list[nn.Module] = []
        for weight, bias in layers:
            linear = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
            linear.weight = nn.Parameter(weight.float(), requires_grad=False)
            linear.bias = nn.Parameter(bias.float(), requires_grad=False)
            modules += [linear, nn.ReLU()]
        self.network = nn.Sequential(*modules[:-1], nn.Tanh()).eval().to(device)

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        """Prior points z = psi · N(0, I), one a seed. Truncation is applied here, so that an edit keeps its length."""
        z = standard_normal(seeds, self.card.spaces["z"].shape)
        return Latent({"z": (z * truncation_psi).to(self.device)})

    def advance(self, latent: Latent, space: str) -> Latent:
        """``latent`` itself: there is one space. Raises KeyError for any other than ``z``."""
        if space != "z":
            raise KeyError(space)
        return latent

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        """(B, C, H, W) in [-1, 1]; any quality is full quality. Differentiable in z."""
        z = latent.tensors["z"].to(self.device, torch.float32)
        pictures: Tensor = self.network(z)
        return pictures.reshape(len(z), *self.card.shape)

    def first_affine_weights(self, layers: tuple[int, int] | None = None) -> Sequence[Tensor]:
        """What SeFa factorises: the weight (hidden units, width of z) of the first layer. There are no layers to
        choose."""
        if layers is not None:
            raise ValueError(f"'{self.card.name}' has no layers to choose from")
        first = self.network[0]
        assert isinstance(first, nn.Linear)
        return [first.weight]

    def first_activations(self, z: Tensor) -> Tensor:
        """(B, hidden units): what the first layer and its ReLU make of ``z`` (B, width); PCA looks at its spread."""
        activations: Tensor = self.network[:2](z.to(self.device, torch.float32))
        return activations

    def weight_parts(self) -> dict[str, dict[str, Tensor]]:
        """The linear layers, counted from 1."""
        return grouped(named_tensors(self.network), lambda name: f"layer {int(name.split('.')[0]) // 2 + 1}")

    def reweighted(self, edits: WeightEdits) -> Generator:
        """This generator after ``edits`` of its weights."""

        def build(network: nn.Sequential) -> Generator:
            layers = [layer for layer in network if isinstance(layer, nn.Linear)]
            return MlpGanGenerator(self.card, [(layer.weight, layer.bias) for layer in layers], self.device)

        return self._views.view(edits, self.network, self.card.name, build)


class MlpGanFamily:
    """Finds and loads them."""

    name = "mlp_gan"
    title = "MLP GANs"
    short_title = "MLP GAN"

    def specimens(self) -> tuple[ModelCard, ...]:
        """One: the models differ in size alone."""
        return (specimen(self.name, _spaces(64), CAPABILITIES),)

    def identify(self, path: Path) -> Verdict:
        """Mine: a PyTorch file whose tensors are all called ``<number>.weight`` or ``<number>.bias``. Broken: they do
        not
        make a generator, or the file cannot be read."""
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            return Verdict(False, f"It is not a {', '.join(SUFFIXES)} file.")
        if path.stat().st_size > MAX_BYTES:
            return Verdict(False, "It is too large for a plain MLP.")
        try:
            state = read_torch(path)
        except ModelError as error:
            return Verdict(True, str(error), problem=True)
        if not state or not all(_KEY.fullmatch(key) for key in state):
            return Verdict(
                False, "Its tensors are not named like those of a plain MLP (0.weight, 0.bias, 2.weight, …)."
            )
        try:
            _picture(_layers(state, path), path)
        except ModelError as error:
            return Verdict(True, str(error), problem=True)
        return Verdict(True, "Its tensors are the linear layers of a plain MLP that ends in a square picture.")

    def describe(self, path: Path) -> ModelCard:
        """The card, from names and shapes of the tensors."""
        return _card(path, _layers(_read(path), path))

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator, every tensor checked."""
        state = _read(path)
        layers = _layers(state, path)
        for key, tensor in state.items():
            check_finite(key, tensor, path)
        generator = MlpGanGenerator(_card(path, layers), layers, device)
        if progress is not None:
            progress(1.0)
        return generator


def _read(path: Path) -> dict[str, Tensor]:
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        raise ModelError(f"'{path.name}' is too large for a plain MLP GAN; open it as another family.")
    return read_torch(path)


def _layers(state: dict[str, Tensor], path: Path) -> list[tuple[Tensor, Tensor]]:
    """(weight, bias) of the linear layers in order. Raises :class:`ModelError` unless they chain into one another."""
    found = sorted({int(match[1]) for key in state if (match := _KEY.fullmatch(key))})
    wanted = list(range(0, 2 * max(2, len(found)), 2))
    for key in (f"{index}.{part}" for index in wanted for part in ("weight", "bias")):
        if not isinstance(state.get(key), Tensor):
            raise ModelError(f"'{path.name}' lacks the tensor '{key}' of a plain MLP; it is incomplete.")
    if unknown := sorted(set(state) - {f"{index}.{part}" for index in wanted for part in ("weight", "bias")}):
        raise ModelError(f"'{path.name}' holds an unknown tensor '{unknown[0]}'; it is of another architecture.")
    layers = [(state[f"{index}.weight"], state[f"{index}.bias"]) for index in wanted]
    width: int | None = None
    for index, (weight, bias) in zip(wanted, layers, strict=True):
        fits = weight.ndim == 2 and weight.is_floating_point() and min(weight.shape) > 0
        if not fits or bias.shape != weight.shape[:1] or width not in (None, weight.shape[1]):
            raise ModelError(
                f"'{path.name}': the shapes {tuple(weight.shape)} and {tuple(bias.shape)} of '{index}.weight' and "
                f"'{index}.bias' do not fit the layers around them; it is of another architecture."
            )
        width = weight.shape[0]
    return layers


def _picture(layers: list[tuple[Tensor, Tensor]], path: Path) -> tuple[int, int]:
    """(channels, side in pixels) of the pictures. Raises :class:`ModelError` unless the last width is s² or 3 s², s >
    1."""
    outputs = layers[-1][0].shape[0]
    for channels in (1, 3):
        side = math.isqrt(outputs // channels)
        if side > 1 and channels * side * side == outputs:
            return channels, side
    raise ModelError(
        f"'{path.name}' ends in {outputs} outputs, which are neither a square grey picture nor a square colour one; "
        "it is no generator of pictures."
    )


def _spaces(width: int) -> dict[str, SpaceCard]:
    return {"z": SpaceCard(shape=(width,), prior="normal")}


def _card(path: Path, layers: list[tuple[Tensor, Tensor]]) -> ModelCard:
    channels, side = _picture(layers, path)
    return ModelCard(
        name=path.stem,
        family=MlpGanFamily.name,
        path=str(path),
        output=IMAGE.card((channels, side, side)),
        spaces=_spaces(layers[0][0].shape[1]),
        fingerprint=fingerprint_of([path]),
        capabilities=CAPABILITIES,
        parameters=sum(weight.numel() + bias.numel() for weight, bias in layers),
    )


FAMILY = MlpGanFamily()
