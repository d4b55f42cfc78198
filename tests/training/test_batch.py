"""Pictures as tensors."""

from __future__ import annotations

import numpy as np
import torch

from explorer.training.batch import as_images


def test_pictures_of_image_files_which_cannot_be_written_to_are_taken_in_silence() -> None:
    pictures = np.array([0, 255, 51, 204], np.uint8).reshape(1, 2, 2, 1)
    pictures.flags.writeable = False
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # else it warns of it once, in whichever test comes first
    try:
        images = as_images(pictures)
    finally:
        torch.set_warn_always(before)
    assert torch.allclose(images.flatten(), torch.tensor([-1.0, 1.0, -0.6, 0.6]))
    assert pictures.flatten().tolist() == [0, 255, 51, 204]
