"""``pythae``: a ``ModuleList`` called ``layers`` each way, and one layer each for means and log-variances; sigmoid.

Its default networks of linear layers, and the convolutional ones that it brings for MNIST (28 pixels) and CelebA (64).
The ``.pkl`` files that stand beside some checkpoints hold program code and are never read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from explorer.errors import ModelError
from explorer.generators.layered_vae import LayeredVae
from explorer.generators.vae_layouts.base import Built, Part, Shape, picture_of, with_relu

STEPS = {
    28: ((2, 1, 0), (2, 1, 1), (2, 1, 1)),
    64: ((2, 2, 0), (2, 1, 0), (2, 2, 1), (1, 1, 0)),
}
"""Side of the pictures → (stride, padding, output padding) of the decoder's transposed convolutions, which no file
tells: those for MNIST have kernels of 3, those for CelebA kernels of 5."""
SIDES = {(3, 3): 28, (5, 4): 64}
"""(kernel, how many transposed convolutions) → side of the pictures."""


class PythaeLayout:
    """``encoder.layers.0.0``, …, ``encoder.embedding``, ``encoder.log_var``."""

    title = "pythae"

    def matches(self, state: Mapping[str, Tensor]) -> bool:
        return {"encoder.embedding.weight", "encoder.log_var.weight"} <= set(state)

    def built(self, state: Mapping[str, Tensor], shape: Shape | None, path: Path) -> Built:
        inward, outward = (Part(state, prefix, path, self.title) for prefix in ("encoder.", "decoder."))
        heads = inward.linear("embedding"), inward.linear("log_var")
        latents = heads[0].out_features
        if any(len(inward.shape(name)) == 4 for name in inward.names(r"layers\..*")):
            encoder, decoder, shape = self._convolutional(inward, outward, path)
        else:
            encoder, decoder, shape = self._linear(inward, outward, shape, path)
        for part in (inward, outward):
            part.finish()
        return Built(LayeredVae(encoder, decoder, heads, activation="sigmoid"), shape, latents)

    @staticmethod
    def _linear(
        inward: Part, outward: Part, shape: Shape | None, path: Path
    ) -> tuple[nn.Sequential, nn.Sequential, Shape]:
        pattern = r"layers\.\d+\.0"
        hidden = [inward.linear(name) for name in inward.names(pattern)]
        drawn = [outward.linear(name) for name in outward.names(pattern)]
        if not hidden or not drawn:
            raise ModelError(f"'{path.name}' is none of the networks of pythae that are known here.")
        shape = picture_of(drawn[-1].out_features, shape, path)
        encoder = nn.Sequential(nn.Flatten(), *with_relu(hidden))
        return encoder, nn.Sequential(*with_relu(drawn[:-1]), drawn[-1], nn.Unflatten(1, shape)), shape

    @staticmethod
    def _convolutional(inward: Part, outward: Part, path: Path) -> tuple[nn.Sequential, nn.Sequential, Shape]:
        blocks: list[nn.Module] = []
        for name in inward.names(r"layers\.\d+\.0"):
            kernel = inward.convolution(name)
            blocks += [kernel, inward.batch_norm(f"{name[:-1]}1", kernel.out_channels), nn.ReLU()]
        first, *drawn = sorted(outward.names(r"layers\.\d+(\.0)?"), key=lambda name: int(re.findall(r"\d+", name)[0]))
        kernels = {outward.shape(name)[2] for name in drawn if len(outward.shape(name)) == 4}
        side = SIDES.get((min(kernels, default=0), len(drawn)))
        if side is None or len(kernels) != 1:
            raise ModelError(
                f"'{path.name}' is none of the networks of pythae that are known here: those of linear layers, and the "
                "convolutional ones for MNIST and CelebA."
            )
        seed = outward.linear(first)
        width = outward.shape(drawn[0])[0]
        start = {28: 4, 64: 8}[side]
        shown: list[nn.Module] = [seed, nn.Unflatten(1, (width, start, start))]
        for name, (stride, padding, output_padding) in zip(drawn, STEPS[side], strict=True):
            layer = outward.transposed(name, stride, padding, output_padding)
            shown.append(layer)
            if name != drawn[-1]:
                shown += [outward.batch_norm(f"{name[:-1]}1", layer.out_channels), nn.ReLU()]
        shape = (outward.shape(drawn[-1])[1], side, side)
        return nn.Sequential(*blocks, nn.Flatten()), nn.Sequential(*shown), shape


LAYOUT = PythaeLayout()
