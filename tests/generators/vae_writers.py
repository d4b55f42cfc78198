"""VAEs as other programs build and save them: written here from their descriptions, layer by layer, run by torch."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

Shape = tuple[int, int, int]


class Named(nn.Module):
    """Layers with names, run in order; ReLU follows each but the last, and what is no layer has no name."""

    def __init__(self, **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        children = list(self.children())
        for layer in children:
            x = layer(x)
            if layer is not children[-1] and not isinstance(layer, nn.Flatten | nn.Unflatten):
                x = torch.relu(x)
        return x


class Vae(nn.Module):
    """An encoder and a decoder; ``order``, ``sigmoid``: what its program does with their outputs."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, order: str, sigmoid: bool) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.order, self.sigmoid = order, sigmoid

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        codes = self.encoder(x)
        if isinstance(codes, tuple):
            return codes
        if self.order == "interleaved":
            return codes[:, 0::2], codes[:, 1::2]
        return codes[:, : codes.shape[1] // 2], codes[:, codes.shape[1] // 2 :]

    def decode(self, z: Tensor) -> Tensor:
        values: Tensor = self.decoder(z)
        return torch.sigmoid(values) if self.sigmoid else values


def down(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 4, 2, 1)


def up(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)


def burgess(size: int = 32, channels: int = 1, latents: int = 6, head: str = "mu_logvar_gen") -> Vae:
    """disentangling-vae; with the head ``dist_statistics``, dent."""
    more_down = {"conv_64": down(32, 32)} if size == 64 else {}
    more_up = {"convT_64": up(32, 32)} if size == 64 else {}
    encoder = Named(
        conv1=down(channels, 32), conv2=down(32, 32), conv3=down(32, 32), **more_down, flat=nn.Flatten(),
        lin1=nn.Linear(512, 256), lin2=nn.Linear(256, 256), **{head: nn.Linear(256, 2 * latents)},
    )  # fmt: skip
    decoder = Named(
        lin1=nn.Linear(latents, 256), lin2=nn.Linear(256, 256), lin3=nn.Linear(256, 512),
        square=nn.Unflatten(1, (32, 4, 4)), **more_up, convT1=up(32, 32), convT2=up(32, 32), convT3=up(32, channels),
    )  # fmt: skip
    return Vae(encoder, decoder, "interleaved", sigmoid=True)


def locatello(channels: int = 3, latents: int = 5) -> Vae:
    """The other network of dent."""
    encoder = Named(
        conv1=down(channels, 32), conv2=down(32, 32), conv3=down(32, 64), conv4=down(64, 64), flat=nn.Flatten(),
        lin=nn.Linear(1024, 256), dist_statistics=nn.Linear(256, 2 * latents),
    )  # fmt: skip
    decoder = Named(
        lin1=nn.Linear(latents, 256), lin2=nn.Linear(256, 1024), square=nn.Unflatten(1, (64, 4, 4)),
        convT1=up(64, 64), convT2=up(64, 32), convT3=up(32, 32), convT4=up(32, channels),
    )  # fmt: skip
    return Vae(encoder, decoder, "interleaved", sigmoid=True)


def rectified(*layers: nn.Module) -> nn.Sequential:
    """A ``Sequential`` that counts its ReLUs, as programs write it."""
    between = [part for layer in layers for part in (layer, nn.ReLU())]
    return nn.Sequential(*between[:-1])


class Main(nn.Module):
    def __init__(self, name: str, main: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.add_module(name, main)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = getattr(self, self.name)(x)
        return out


def disentanglement_pytorch(channels: int = 1, latents: int = 4, padless: bool = False) -> Vae:
    """SimpleGaussianConv64 (or PadlessGaussianConv64) and SimpleConv64."""
    if padless:
        widths = [(channels, 32), (32, 32), (32, 64), (64, 128), (128, 256)]
        convolutions = [nn.Conv2d(a, b, 3, 2, 0) for a, b in widths]
    else:
        widths = [(channels, 32), (32, 32), (32, 64), (64, 128), (128, 256), (256, 256)]
        convolutions = [down(a, b) for a, b in widths]
    parts = [*rectified(*convolutions), nn.ReLU(), nn.Flatten(), nn.Linear(256, 2 * latents)]
    drawn = rectified(
        nn.Conv2d(latents, 256, 1, 2), up(256, 256), nn.ConvTranspose2d(256, 128, 4, 2),
        nn.ConvTranspose2d(128, 128, 4, 2), nn.ConvTranspose2d(128, 64, 4, 2), nn.ConvTranspose2d(64, 64, 4, 2),
        nn.ConvTranspose2d(64, channels, 3, 1),
    )  # fmt: skip
    decoder = nn.Sequential(nn.Unflatten(1, (latents, 1, 1)), *drawn)
    return Vae(Main("main", nn.Sequential(*parts)), Main("main", decoder), "halves", sigmoid=True)


def disent(channels: int = 3, latents: int = 4, small_kernels: bool = False) -> Vae:
    """EncoderConv64 and DecoderConv64; earlier versions have two small kernels. No activation follows."""
    late = (2, 1) if small_kernels else (4, 2)
    encoder = nn.Sequential(
        *rectified(
            nn.Conv2d(channels, 32, 4, 2, 2), nn.Conv2d(32, 32, 4, 2, 2),
            nn.Conv2d(32, 64, late[0], 2, late[1]), nn.Conv2d(64, 64, late[0], 2, late[1]),
        ),
        nn.ReLU(), nn.Flatten(), nn.Linear(1600, 256), nn.ReLU(), nn.Linear(256, 2 * latents),
    )  # fmt: skip
    decoder = nn.Sequential(
        *rectified(nn.Linear(latents, 256), nn.Linear(256, 1024)), nn.ReLU(), nn.Unflatten(1, (64, 4, 4)),
        *rectified(up(64, 64), up(64, 32), up(32, 32), up(32, channels)),
    )  # fmt: skip
    return Vae(Main("model", encoder), Main("model", decoder), "halves", sigmoid=False)


class PythaeEncoder(nn.Module):
    def __init__(self, layers: list[nn.Module], width: int, latents: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.embedding, self.log_var = nn.Linear(width, latents), nn.Linear(width, latents)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if isinstance(self.layers[0][0], nn.Linear):  # type: ignore[index]
            x = x.flatten(1)
        for layer in self.layers:
            x = layer(x)
        return self.embedding(x.flatten(1)), self.log_var(x.flatten(1))


class PythaeDecoder(nn.Module):
    def __init__(self, layers: list[nn.Module], start: Shape | None, shape: Shape) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.start, self.shape = start, shape

    def forward(self, z: Tensor) -> Tensor:
        for index, layer in enumerate(self.layers):
            z = layer(z)
            if index == 0 and self.start is not None:
                z = z.reshape(-1, *self.start)
        return z.reshape(-1, *self.shape)


def pythae_mlp(shape: Shape = (1, 10, 12), latents: int = 3) -> Vae:
    """The default networks; the width of 512 is pythae's."""
    pixels = shape[0] * shape[1] * shape[2]
    encoder = PythaeEncoder([nn.Sequential(nn.Linear(pixels, 512), nn.ReLU())], 512, latents)
    layers = [nn.Sequential(nn.Linear(latents, 512), nn.ReLU()), nn.Sequential(nn.Linear(512, pixels), nn.Sigmoid())]
    return Vae(encoder, PythaeDecoder(layers, None, shape), "", sigmoid=False)


def normed(convolution: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
    """With a batch norm whose statistics are not those of a new one."""
    norm = nn.BatchNorm2d(convolution.out_channels)
    nn.init.uniform_(norm.running_mean, -0.2, 0.2)  # type: ignore[arg-type]
    nn.init.uniform_(norm.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return nn.Sequential(convolution, norm, nn.ReLU())


def pythae_convolutional(name: str, latents: int = 3, narrow: int = 32) -> Vae:
    """Those for ``mnist`` and ``celeba``, ``narrow`` times narrower than pythae's own."""
    deep, grey = 1024 // narrow, name == "mnist"
    channels, side, start = (1, 28, 4) if grey else (3, 64, 8)
    widths = [channels, deep // 8, deep // 4, deep // 2, deep]
    down_to = 1 if grey else 4
    encoder = PythaeEncoder([normed(down(a, b)) for a, b in pairwise(widths)], deep * down_to**2, latents)
    seed = nn.Linear(latents, deep * start**2)
    if grey:
        layers: list[nn.Module] = [
            seed,
            normed(nn.ConvTranspose2d(deep, deep // 2, 3, 2, padding=1)),
            normed(nn.ConvTranspose2d(deep // 2, deep // 4, 3, 2, padding=1, output_padding=1)),
            nn.Sequential(nn.ConvTranspose2d(deep // 4, 1, 3, 2, padding=1, output_padding=1), nn.Sigmoid()),
        ]
    else:
        layers = [
            nn.Sequential(seed),
            normed(nn.ConvTranspose2d(deep, deep // 2, 5, 2, padding=2)),
            normed(nn.ConvTranspose2d(deep // 2, deep // 4, 5, 2, padding=1)),
            normed(nn.ConvTranspose2d(deep // 4, deep // 8, 5, 2, padding=2, output_padding=1)),
            nn.Sequential(nn.ConvTranspose2d(deep // 8, 3, 5, 1, padding=1), nn.Sigmoid()),
        ]
    decoder = PythaeDecoder(layers, (deep, start, start), (channels, side, side))
    return Vae(encoder, decoder, "", sigmoid=False).eval()


def burgess_folder(folder: Path, size: int = 32, channels: int = 1, latents: int = 6) -> Path:
    """A folder as disentangling-vae writes it."""
    torch.manual_seed(0)
    folder.mkdir()
    specs = {"img_size": [channels, size, size], "latent_dim": latents, "model_type": "Burgess"}
    (folder / "specs.json").write_text(json.dumps(specs))
    torch.save(burgess(size, channels, latents).state_dict(), folder / "model.pt")
    return folder


def renamed(vae: Vae, encoder: str = "encoder.", decoder: str = "decoder.") -> dict[str, Any]:
    """The state dict of ``vae`` with other names of its halves."""
    parts = {encoder: vae.encoder, decoder: vae.decoder}
    return {f"{prefix}{key}": value for prefix, part in parts.items() for key, value in part.state_dict().items()}
