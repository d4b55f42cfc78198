"""Paths that end before their amount: the picture stays, and says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import pytest
from plain_fields import swirl

from explorer.controls.control_set import ControlSet
from explorer.controls.field import FieldControl
from explorer.controls.following import Flow
from explorer.discovery.request import CheckedMethod, Request
from explorer.engine.engine import Engine
from explorer.generators.base import Generator
from explorer.scene.cards import ControlCard, MethodCard, ModelCard
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Scalar, Seed, Start, View


class Flows(CheckedMethod):
    card = MethodCard(name="flows", title="Flows", families=("toy",), spaces=("z",), trained=False, paper="")

    def refusal(self, model: ModelCard) -> str:
        return ""

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return "z"

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        width = asked.model.spaces["z"].shape[0]
        return asked.found(
            [
                FieldControl(
                    ControlCard(name=f"flow {index}", space="z"),
                    swirl(index, width, last=2.0),
                    Flow(1.0, rate=1.0, negative="anti-field"),
                )
                for index in range(asked.k)
            ]
        )


@pytest.fixture
def engine(toy_engine: Engine, add: Callable[[object, object], None]) -> Engine:
    add(FieldControl, Flows())
    return toy_engine


def drawn(engine: Engine, **edits: float) -> tuple[np.ndarray, dict[str, str]]:
    units: Literal["native", "effect"] = "effect" if edits.pop("scaled", 0) else "native"
    view = View(
        model=ModelRef(path="toy0"),
        start=Start(Seed(3)),
        controls=ControlSetRef(method="flows", k=3, units=units, tau=0.05),
        edits=tuple(Edit(name.replace("_", " "), amount) for name, amount in edits.items()),
    )
    (picture,) = engine.render([view])
    return picture.bgrx, {name: remark.text for name, remark in picture.remarks.items()}


def test_a_path_that_has_ended_says_so_again_when_its_picture_is_kept(engine: Engine) -> None:
    last, ends = drawn(engine, flow_0=2.0)
    assert ends == {}
    for _ in range(2):  # computed, and from the cache
        beyond, ends = drawn(engine, flow_0=2.5)
        assert np.array_equal(beyond, last)
        assert ends == {"flow 0": "was made for times 0 to 2 only"}


def test_of_a_mixture_the_one_that_has_ended_is_named(engine: Engine) -> None:
    picture, ends = drawn(engine, flow_0=1.0, flow_1=-9.0)
    assert set(ends) == {"flow 1"}
    same, _ = drawn(engine, flow_0=1.0, flow_1=-2.0)
    assert np.array_equal(picture, same)


def test_in_another_unit_it_ends_as_well(engine: Engine) -> None:
    _, ends = drawn(engine, scaled=1, flow_2=1e4)
    assert set(ends) == {"flow 2"}
