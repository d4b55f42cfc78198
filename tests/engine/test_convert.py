"""Pixels: the bytes that leave the device are those that the definition gives, one by one."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.engine.convert import to_bgrx


def level(value: float) -> int:
    """The nearest of 256 levels, computed without torch."""
    return int(np.clip(np.floor(np.float32(value) * np.float32(127.5) + np.float32(128.0)), 0, 255))


@given(st.lists(st.floats(-2, 2, width=32), min_size=3, max_size=3))
def test_channels_become_blue_green_red_and_opaque(rgb: list[float]) -> None:
    pixel = to_bgrx(torch.tensor(rgb).reshape(1, 3, 1, 1))
    assert pixel.reshape(-1).tolist() == [level(rgb[2]), level(rgb[1]), level(rgb[0]), 255]


def test_grey_is_spread_over_the_channels() -> None:
    pixels = to_bgrx(torch.tensor([-1.0, 0.0, 1.0]).reshape(1, 1, 1, 3))
    assert pixels.tolist() == [[[[0, 0, 0, 255], [128, 128, 128, 255], [255, 255, 255, 255]]]]


def test_the_input_is_left_alone() -> None:
    pictures = torch.rand(2, 3, 4, 5)
    copy = pictures.clone()
    to_bgrx(pictures)
    assert torch.equal(pictures, copy)
