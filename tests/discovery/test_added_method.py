"""A method is one file: one that the program has never heard of is listed, offered where it fits, and compared."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from toys import ToyDiffusion, ToyGenerator, ToyVae

import explorer
import explorer.discovery as package
from explorer.comparison.request import checked, rows
from explorer.discovery import registry
from explorer.generators.registry import families
from explorer.scene.comparison import CompareOptions
from explorer.scene.defaults import default_controls

SOURCE = '''
import torch

from explorer.discovery.request import CheckedMethod
from explorer.scene.cards import MethodCard


class Weathervane(CheckedMethod):
    """The axes of w, from the last to the first."""

    card = MethodCard(
        name="weathervane", title="Weathervane", spaces=("w",), trained=False, paper="", first_count=3
    )

    def refusal(self, model):
        return "" if "w" in model.spaces else f"'{model.name}' has no w, so no wind."

    def place(self, model):
        return 0

    def search(self, asked, generator):
        rows = torch.eye(asked.model.spaces["w"].shape[0]).flip(0)
        asked.watch(1.0)
        return asked.found([asked.linear(f"vane {i + 1}", rows[i], 1.0, "") for i in range(asked.k)])


METHOD = Weathervane()
'''


@pytest.fixture(autouse=True)
def weathervane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Its module lies among those of the package."""
    (tmp_path / "weathervane.py").write_text(SOURCE)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    registry.methods.cache_clear()
    yield
    sys.modules.pop("explorer.discovery.weathervane", None)
    registry.methods.cache_clear()


def test_it_is_listed_with_the_families_that_it_fits() -> None:
    (card,) = [one for one in registry.cards() if one.name == "weathervane"]
    fit = {name for name, family in families().items() if any("w" in one.spaces for one in family.specimens())}
    assert set(card.families) == fit == {"onnx", "stylegan2", "stylegan3"}


def test_models_offer_it_where_it_fits_and_say_why_not_elsewhere() -> None:
    card = registry.with_methods(ToyGenerator().card)
    assert card.methods[:2] == ("pca", "weathervane")  # both are first here: by name then
    assert default_controls(card, "weathervane").k == 3
    for other in (ToyVae().card, ToyDiffusion().card):
        assert registry.with_methods(other).refusals["weathervane"] == f"'{other.name}' has no w, so no wind."


def test_it_finds_and_is_compared() -> None:
    found = registry.method("weathervane").discover(ToyGenerator(), 2)
    assert torch.equal(found.controls[0].tensors()["direction"], torch.eye(10)[9])
    table = rows(checked(CompareOptions(methods=("weathervane",), k=2)), ToyGenerator().card)
    assert [row.role for row in table] == ["chance", "method", "ceiling"]
    assert table[1].method == "weathervane"


def test_no_file_of_the_program_knows_it() -> None:
    for file in Path(explorer.__file__).parent.rglob("*.py"):
        assert "weathervane" not in file.read_text(), file
