"""``disent``: Lightning checkpoints with a ``Sequential`` called ``model`` each way, 64 pixels, codes in halves.

The network of β-VAE as disentanglement_lib has it; its encoder is padded by 2 (kernels of 4) and 1 (of 2), which leaves
5 × 5. Nothing follows the decoder's last layer, and whether its values are logits the checkpoint does not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from explorer.errors import ModelError
from explorer.generators.layered_vae import LayeredVae
from explorer.generators.vae_layouts.base import Built, Part, Shape, with_relu

ENCODER, DECODER = "_model._encoder.model.", "_model._decoder.model."


class DisentLayout:
    """``_model._encoder.model.0``, …"""

    title = "disent"

    def matches(self, state: Mapping[str, Tensor]) -> bool:
        return f"{ENCODER}0.weight" in state and f"{DECODER}0.weight" in state

    def built(self, state: Mapping[str, Tensor], shape: Shape | None, path: Path) -> Built:
        inward, outward = (Part(state, prefix, path, self.title) for prefix in (ENCODER, DECODER))
        kernels, matrices = ([name for name in inward.names() if len(inward.shape(name)) == n] for n in (4, 2))
        drawn, hidden = ([name for name in outward.names() if len(outward.shape(name)) == n] for n in (4, 2))
        if not (kernels and matrices and drawn and hidden):
            raise ModelError(f"'{path.name}' is none of the convolutional networks of {self.title}.")
        dense = [inward.linear(name) for name in matrices]
        encoder = nn.Sequential(
            *with_relu(inward.convolution(name, padding=inward.shape(name)[2] // 2) for name in kernels),
            nn.Flatten(),
            *with_relu(dense)[:-1],
        )
        before = [outward.linear(name) for name in hidden]
        *inner, last = [outward.transposed(name) for name in drawn]
        width = outward.shape(drawn[0])[0]
        decoder = nn.Sequential(*with_relu(before), nn.Unflatten(1, (width, 4, 4)), *with_relu(inner), last)
        for part in (inward, outward):
            part.finish()
        side = 4 * 2 ** len(drawn)
        network = LayeredVae(encoder, decoder, order="halves")
        return Built(network, (last.out_channels, side, side), before[0].in_features, is_guessed=True)


LAYOUT = DisentLayout()
