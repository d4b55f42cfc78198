"""Pictures as a kind of output: distance, difference, before and after, features, thumbnails, by their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.errors import ModelError
from explorer.outputs import signed_scale
from explorer.outputs.base import DIFFERENCE_GAIN
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.outputs.sizes import at_height, within


def _pictures(count: int, channels: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_a_picture_is_shown_as_it_is() -> None:
    card = IMAGE.card((3, 4, 6))
    assert (card.kind, card.shape, card.size) == ("image", (3, 4, 6), (4, 6))
    assert (card.text, card.description) == ("6×4", "6 × 4 colour pictures")
    assert IMAGE.card((1, 4, 6)).description == "6 × 4 grey pictures"
    pictures = _pictures(2, 3, 4, 6)
    assert IMAGE.picture(pictures, 512) is pictures


@pytest.mark.parametrize("shape", [(4, 8, 8), (3, 8), (8,)])
def test_what_is_no_picture_has_no_card(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="Pictures have 1 or 3 channels"):
        IMAGE.card(shape)


@given(st.floats(0, 1), st.integers(1, 9))
def test_the_distance_is_the_root_mean_square_in_shares_of_the_range(change: float, pixels: int) -> None:
    one = torch.zeros(2, 3, pixels, pixels)
    other = one.clone()
    other[1] += change
    assert IMAGE.distance(one, other).tolist() == pytest.approx([0.0, change / 2], abs=1e-7)
    assert float(IMAGE.distance(-torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2))) == 1.0


def test_a_distance_is_that_of_numpy_in_double_precision() -> None:
    one, other = _pictures(5, 3, 7, 4), _pictures(5, 3, 7, 4, 1)
    wide = (one.numpy().astype(float) - other.numpy().astype(float)).reshape(5, -1)
    np.testing.assert_allclose(IMAGE.distance(one, other).numpy(), np.sqrt((wide**2).mean(1)) / 2, rtol=1e-14)


def test_difference_is_black_where_nothing_moved_and_counts_the_rest() -> None:
    before = torch.zeros(1, 3, 2, 2)
    after = before.clone()
    after[0, :, 0, 0] = 0.1
    grey = IMAGE.difference(before, after)
    assert grey.shape == (1, 1, 2, 2)
    assert grey[0, 0, 1, 1] == -1
    assert grey[0, 0, 0, 0] == pytest.approx(2 * (0.1 / 2 * DIFFERENCE_GAIN) - 1)
    assert float(IMAGE.distance(before, after)) == pytest.approx(np.sqrt((0.05**2) / 4))


@pytest.mark.parametrize(("split", "columns"), [(0.0, 0), (0.5, 4), (1.0, 8)])
def test_before_is_left_of_the_divider(split: float, columns: int) -> None:
    before, after = torch.full((1, 3, 2, 8), -1.0), torch.full((1, 3, 2, 8), 1.0)
    joined = IMAGE.before_after(before, after, split)
    assert (joined[..., :columns] == -1).all()
    assert (joined[..., columns:] == 1).all()
    assert (after == 1).all(), "what is joined is a copy"


def test_features_of_flat_and_of_striped_pictures() -> None:
    flat = IMAGE.features(torch.full((1, 3, 16, 16), 0.25))
    assert float(flat[:, : 3 * 64].min()) == pytest.approx(0.25)
    assert float(flat[:, 3 * 64 :].abs().max()) < 1e-6, "no contours"
    stripes = torch.ones(1, 3, 16, 16)
    stripes[..., ::2] = -1
    striped = IMAGE.features(stripes)
    assert float(striped[:, : 3 * 64].abs().max()) < 1e-6
    assert float(striped[:, 3 * 64 : 4 * 64].min()) == pytest.approx(1.0), "all of it at the finest level"


def test_thumbnails_are_means_in_the_proportion_of_the_picture() -> None:
    pictures = _pictures(2, 3, 64, 48)
    small = IMAGE.thumbnails(pictures)
    assert small.shape == (2, 3, 16, 12)
    torch.testing.assert_close(small, pictures.reshape(2, 3, 16, 4, 12, 4).mean((3, 5)), rtol=1e-5, atol=1e-6)
    assert torch.equal(IMAGE.thumbnails(pictures, 64), pictures)
    difference = IMAGE.thumbnails(pictures[:1] - pictures[1:])
    torch.testing.assert_close(difference, small[:1] - small[1:], rtol=1e-5, atol=1e-6)


@given(st.tuples(st.integers(1, 4096), st.integers(1, 4096)), st.integers(1, 8192))
def test_sizes_keep_their_proportion(size: tuple[int, int], pixels: int) -> None:
    assert at_height(size, 0) == size
    height, width = at_height(size, pixels)
    assert height == pixels
    assert abs(width - size[1] * pixels / size[0]) <= 0.5 or width == 1
    small = within(size, pixels)
    assert max(small) <= pixels or small == size
    assert small == size or max(small) == pixels


def test_a_signed_difference_has_the_colours_of_its_scale() -> None:
    """At the ends, in the middle and beyond; of several channels their mean."""
    quarters = torch.tensor([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0]) * 2 * signed_scale.END / 2
    before = torch.zeros(1, 3, 1, 7)
    after = before + torch.stack([quarters, quarters * 2, quarters * 3])[None, :, None]
    colours = ((IMAGE.signed_difference(before, after)[0, :, 0].T + 1) * 127.5).round().int().tolist()
    low, cool, middle, warm, high = map(list, signed_scale.STOPS)
    assert colours == [low, low, cool, middle, warm, high, high]
    grey = IMAGE.signed_difference(before[:, :1], before[:, :1] + signed_scale.END)  # half of the way to an end
    assert ((grey[0, :, 0, 0] + 1) * 127.5).round().int().tolist() == warm
