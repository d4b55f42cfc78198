"""Pictures in the form that a network wants: so many channels, so many pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from explorer.errors import ExplorerError
from explorer.scene.cards import ModelCard

_LUMA = (
    0.299,
    0.587,
    0.114,
)  # Rec. 601; the weights add to 1, so a grey picture of three equal channels keeps its grey


def without_pictures(model: ModelCard) -> str:
    """Why no attribute of what ``model`` makes can be read, or an empty string where it makes pictures."""
    if model.makes_pictures:
        return ""
    return f"Attributes are read from pictures, and '{model.name}' makes {model.output.description}."


def checked(pictures: Tensor) -> Tensor:
    """``pictures`` as float32, if they are (B, 1 or 3, H, W). Raises :class:`ExplorerError` if not."""
    if pictures.ndim != 4 or pictures.shape[1] not in (1, 3):
        raise ExplorerError(
            f"Attributes are read from pictures of shape (count, 1 or 3, height, width), not {tuple(pictures.shape)}."
        )
    return pictures.detach().to(torch.float32)


def grey(pictures: Tensor) -> Tensor:
    """(B, 1, H, W) the luminance of pictures (B, 1 or 3, H, W)."""
    if pictures.shape[1] == 1:
        return pictures
    return (pictures * pictures.new_tensor(_LUMA)[:, None, None]).sum(1, keepdim=True)


def resized(pictures: Tensor, height: int, width: int) -> Tensor:
    """(B, C, height, width), bilinear, with a wider filter where pictures shrink; unchanged if they have that size."""
    if pictures.shape[-2:] == (height, width):
        return pictures
    return functional.interpolate(pictures, (height, width), mode="bilinear", antialias=True)
