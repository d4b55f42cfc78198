"""The layers that a method is asked to look at."""

from __future__ import annotations

import pytest
from toys import LAYERS, ToyGenerator, ToyVae

from explorer.discovery.request import layer_range
from explorer.errors import ControlError

TOY = ToyGenerator().card


@pytest.mark.parametrize(
    ("first", "last", "layers"),
    [
        (0, -1, None),
        (0, LAYERS - 1, None),  # all of them, by number
        (1, -1, (1, LAYERS - 1)),
        (1, LAYERS - 1, (1, LAYERS - 1)),
        (0, LAYERS - 2, (0, LAYERS - 2)),
        (2, 2, (2, 2)),
    ],
)
def test_the_last_layer_by_number_is_the_last_layer(first: int, last: int, layers: tuple[int, int] | None) -> None:
    assert layer_range(TOY, {"first_layer": first, "last_layer": last}) == layers


@pytest.mark.parametrize(("first", "last"), [(2, 1), (0, LAYERS), (LAYERS, -1)])
def test_layers_that_are_none_of_the_model(first: int, last: int) -> None:
    with pytest.raises(ControlError, match=f"has layers 0 to {LAYERS - 1}"):
        layer_range(TOY, {"first_layer": first, "last_layer": last})


def test_a_model_without_layers_has_none_to_choose() -> None:
    card = ToyVae().card
    assert layer_range(card, {"first_layer": 0, "last_layer": -1}) is None
    for first, last in ((0, 0), (1, -1), (0, 3)):
        with pytest.raises(ControlError, match="has no layers to choose from"):
            layer_range(card, {"first_layer": first, "last_layer": last})
