"""``disentangling-vae`` and ``dent`` (disentangling-correlated-factors): layers by name, codes interleaved, sigmoid.

Burgess et al. 2018 ("Understanding disentangling in β-VAE"), pictures of 32 or 64 pixels; in ``dent`` also the network
of Locatello et al. 2020 ("Weakly-supervised disentanglement without compromises"), of 64 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from explorer.errors import ModelError
from explorer.generators.layered_vae import LayeredVae
from explorer.generators.vae_layouts.base import Built, Part, Shape, with_relu

HEADS = ("mu_logvar_gen", "dist_statistics")


class BurgessLayout:
    """``encoder.conv1``, …, ``decoder.convT3`` or ``.convT4``."""

    title = "disentangling-vae"

    def matches(self, state: Mapping[str, Tensor]) -> bool:
        return "encoder.conv1.weight" in state and any(f"encoder.{head}.weight" in state for head in HEADS)

    def built(self, state: Mapping[str, Tensor], shape: Shape | None, path: Path) -> Built:
        inward, outward = (Part(state, prefix, path, self.title) for prefix in ("encoder.", "decoder."))
        (head,) = inward.names("|".join(HEADS))
        convolutions = inward.names(r"conv\d|conv_64")
        linear = sorted(inward.names(r"lin\d?"))
        encoder = nn.Sequential(
            *with_relu(inward.convolution(name) for name in convolutions),
            nn.Flatten(),
            *with_relu(inward.linear(name) for name in linear),
            inward.linear(head),
        )
        drawn = sorted(outward.names(r"convT\d|convT_64"), key=lambda name: name != "convT_64")
        if not drawn or not outward.names(r"lin\d"):
            raise ModelError(f"'{path.name}' has no decoder, so it draws nothing; copy the whole checkpoint.")
        hidden = [outward.linear(name) for name in sorted(outward.names(r"lin\d"))]
        width = outward.shape(drawn[0])[0]
        *inner, last = [outward.transposed(name) for name in drawn]
        decoder = nn.Sequential(*with_relu(hidden), nn.Unflatten(1, (width, 4, 4)), *with_relu(inner), last)
        for part in (inward, outward):
            part.finish()
        side = 4 * 2 ** len(drawn)
        network = LayeredVae(encoder, decoder, order="interleaved", activation="sigmoid")
        return Built(network, (last.out_channels, side, side), hidden[0].in_features)


LAYOUT = BurgessLayout()
