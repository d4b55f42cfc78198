"""``disentanglement-pytorch``: one ``Sequential`` called ``main`` each way, 64 pixels, codes in halves, logits.

Of its architectures those of convolutions: kernels of 4 with stride 2 and padding 1, or of 3 without padding;
transposed ones of which only the first is padded, and the last takes single steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from explorer.errors import ModelError
from explorer.generators.layered_vae import LayeredVae
from explorer.generators.vae_layouts.base import Built, Part, Shape, with_relu

SIDE = 64


class DisentanglementPytorchLayout:
    """``encoder.main.0``, …, ``decoder.main.13``."""

    title = "disentanglement-pytorch"

    def matches(self, state: Mapping[str, Tensor]) -> bool:
        return "encoder.main.0.weight" in state and any(key.startswith("decoder.main.") for key in state)

    def built(self, state: Mapping[str, Tensor], shape: Shape | None, path: Path) -> Built:
        inward, outward = (Part(state, prefix, path, self.title) for prefix in ("encoder.main.", "decoder.main."))
        names = inward.names()
        kernels = [name for name in names if len(inward.shape(name)) == 4]
        padding = {4: 1, 3: 0}
        convolutions = [inward.convolution(name, padding=padding.get(inward.shape(name)[2], 1)) for name in kernels]
        hidden = [inward.linear(name) for name in names if len(inward.shape(name)) == 2]
        first, *drawn = outward.names()
        if not hidden or not drawn or len(outward.shape(first)) != 4:
            raise ModelError(f"'{path.name}' is none of the convolutional networks of {self.title}.")
        seed = outward.convolution(first, padding=0)
        *inner, last = [self._drawn(outward, name, name == drawn[0]) for name in drawn]
        encoder = nn.Sequential(*with_relu(convolutions), nn.Flatten(), *with_relu(hidden)[:-1])
        decoder = nn.Sequential(nn.Unflatten(1, (seed.in_channels, 1, 1)), *with_relu([seed, *inner]), last)
        for part in (inward, outward):
            part.finish()
        network = LayeredVae(encoder, decoder, order="halves", activation="sigmoid")
        return Built(network, (last.out_channels, SIDE, SIDE), seed.in_channels)

    @staticmethod
    def _drawn(part: Part, name: str, is_first: bool) -> nn.ConvTranspose2d:
        single = len(part.shape(name)) == 4 and part.shape(name)[2] == 3
        return part.transposed(name, stride=1 if single else 2, padding=1 if is_first else 0)


LAYOUT = DisentanglementPytorchLayout()
