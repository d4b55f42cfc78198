"""Regions as settings write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.errors import ControlError
from explorer.scene.cards import MethodCard, SettingCard
from explorer.scene.model import ControlSetRef
from explorer.scene.region import read_region, region_of, with_region, write_region

SETTINGS = (
    SettingCard(name="samples", title="S", default=4),
    SettingCard(name="part", title="R", default="", kind="region"),
)
METHOD = MethodCard(name="m", title="M", spaces=(), trained=False, paper="", settings=SETTINGS)
PLAIN = MethodCard(name="p", title="P", spaces=(), trained=False, paper="", settings=SETTINGS[:1])


@given(edges=st.tuples(*[st.integers(0, 256)] * 4))
def test_what_is_written_is_read_again(edges: tuple[int, int, int, int]) -> None:
    left, right = sorted(edges[:2])
    top, bottom = sorted(edges[2:])
    text = write_region((left / 256, top / 256, right / 256, bottom / 256))
    if left == right or top == bottom:
        with pytest.raises(ControlError, match="no part of the picture"):
            read_region(text)
    else:
        assert read_region(text) == pytest.approx((left / 256, top / 256, right / 256, bottom / 256), abs=5.01e-5)


@pytest.mark.parametrize(
    "text", ["", "eyes", "0,0,1", "0,0,1,1,1", "0.5,0,0.4,1", "0,0,1.01,1", "-0.1,0,1,1", "nan,0,1,1"]
)
def test_another_text_is_no_region(text: str) -> None:
    with pytest.raises(ControlError, match="give left, top, right and bottom between 0 and 1"):
        read_region(text)


def test_the_region_of_a_control_set_is_that_of_its_method() -> None:
    asked = ControlSetRef(method="m", k=3, seed=2)
    assert region_of(METHOD, asked) is None
    drawn = with_region(METHOD, asked, "0.1,0.2,0.3,0.4")
    assert drawn == ControlSetRef(method="m", k=3, seed=2, settings=(("part", "0.1,0.2,0.3,0.4"),))
    assert region_of(METHOD, drawn) == (0.1, 0.2, 0.3, 0.4)
    assert region_of(None, drawn) is None
    assert region_of(PLAIN, drawn) is None
    assert with_region(METHOD, drawn, "") == asked
    assert with_region(PLAIN, asked, "0,0,1,1") == asked
    assert region_of(METHOD, with_region(METHOD, asked, "eyes")) is None


def test_other_settings_stay_in_the_order_of_the_method() -> None:
    asked = ControlSetRef(method="m", settings=(("samples", 9),))
    drawn = with_region(METHOD, asked, "0,0,0.5,1")
    assert drawn.settings == (("samples", 9), ("part", "0,0,0.5,1"))
    again = with_region(
        METHOD, ControlSetRef(method="m", settings=(("part", "0,0,1,0.5"), ("samples", 9))), "0,0,0.5,1"
    )
    assert again == drawn
