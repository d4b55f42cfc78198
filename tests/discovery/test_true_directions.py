"""What a generator with known factors says of itself: the true directions, what fills them up, the ceiling."""

from __future__ import annotations

import pytest
import torch
from toys import ToyVae

from explorer.comparison import recognition, table
from explorer.comparison.table import Subject, compare
from explorer.controls.linear import LinearControl
from explorer.discovery import registry
from explorer.discovery.true_directions import METHOD
from explorer.errors import ControlError
from explorer.generators.base import Generator
from explorer.generators.known_factors import FACTORS
from explorer.generators.registry import load
from explorer.scene.comparison import CompareOptions
from explorer.scene.model import ModelRef


@pytest.fixture(scope="module")
def generator() -> Generator:
    return load("known-distinct", torch.device("cpu"))


def _rows(generator: Generator, k: int, seed: int = 0) -> torch.Tensor:
    controls = METHOD.discover(generator, k, seed).controls
    assert all(isinstance(one, LinearControl) for one in controls)
    return torch.stack([one.direction for one in controls if isinstance(one, LinearControl)]).double()


def test_the_true_ones_come_first_and_random_ones_beside_them_fill_up(generator: Generator) -> None:
    truth = generator.true_directions().double()  # type: ignore[attr-defined]
    count = len(truth)
    torch.testing.assert_close(_rows(generator, 2), truth[:2], rtol=0, atol=1e-6)
    rows = _rows(generator, count + 2)
    torch.testing.assert_close(rows[:count], truth, rtol=0, atol=1e-6)
    rest = rows[count:]
    torch.testing.assert_close(rest @ rest.T, torch.eye(2, dtype=torch.float64), rtol=0, atol=1e-6)
    torch.testing.assert_close(rest @ truth.T, torch.zeros(2, count, dtype=torch.float64), rtol=0, atol=1e-6)
    torch.testing.assert_close(rows, _rows(generator, count + 2), rtol=0, atol=0)
    found = METHOD.discover(generator, count + 2)
    assert found.note == f"The generator has {count} factors; the other 2 directions are random."
    assert [one.card.name for one in found.controls][-3:] == [FACTORS[-1], "no factor 1", "no factor 2"]


def test_it_refuses_who_does_not_know() -> None:
    assert "are not known" in METHOD.refusal(ToyVae().card)
    with pytest.raises(ControlError, match="true directions of 'toy-vae' are not known"):
        METHOD.discover(ToyVae(), 2)


def test_it_is_the_ceiling_where_it_is_known(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "BOOTSTRAP", 100)
    monkeypatch.setattr(recognition, "EPOCHS", 1)
    model = ModelRef(path="known-distinct")
    subject = Subject(
        model, generator, lambda _, one, progress: registry.method(one.method).discover(generator, one.k, one.seed)
    )
    (report,) = compare([subject], CompareOptions(methods=("random",), k=5, bases=16, observed=400, nulls=3))
    chance, ceiling = report.methods[0], report.methods[-1]
    assert (ceiling.method, ceiling.role) == ("true_directions", "ceiling")
    assert any("the true directions of the generator" in sentence for sentence in report.contract)
    for name in ("mcc", "modularity", "compactness"):
        low, high = ceiling.columns[name].low, chance.columns[name].high
        assert low is not None
        assert high is not None
        assert low > high, name
    assert ceiling.columns["mcc"].value == pytest.approx(1.0, abs=1e-4)
    # The ceiling's own directions name the rows.
    assert [one.match for one in ceiling.directions] == [0, 1, 2, 3, 4]
    assert [one.sign for one in ceiling.directions] == [1] * 5
