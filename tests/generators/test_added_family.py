"""A family is one file: one that the program has never heard of is opened, named, and offered the methods that fit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import explorer
import explorer.generators as package
from explorer.discovery import registry as methods
from explorer.engine.engine import Engine
from explorer.generators import registry
from explorer.scene.defaults import default_controls
from explorer.scene.model import ModelRef, Quality

SOURCE = '''
import torch

from explorer.reading import fingerprint_of
from explorer.generators.base import Latent, Verdict, specimen, standard_normal
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, SpaceCard

SPACES = {"code": SpaceCard(shape=(3,), prior="normal")}
CAPABILITIES = ("truncation", "affine")


class LanternGenerator:
    """Three numbers are the brightness of three stripes."""

    def __init__(self, card, device):
        self.card, self.device = card, device

    def sample(self, seeds, truncation_psi=1.0):
        return Latent({"code": standard_normal(seeds, (3,)) * truncation_psi})

    def advance(self, latent, space):
        return latent

    def render(self, latent, quality):
        rows = torch.tanh(latent.tensors["code"]).repeat_interleave(3, 1)[:, None, :, None]
        return rows.expand(-1, 1, 9, 9).clone()

    def first_affine_weights(self, layers=None):
        return [torch.eye(3)[[1, 1, 0, 2]]]


class LanternFamily:
    name = "lantern_box"
    title = "lanterns"
    short_title = "magic lantern"

    def specimens(self):
        return (specimen(self.name, SPACES, CAPABILITIES),)

    def identify(self, path):
        mine = path.suffix == ".lantern"
        return Verdict(mine, "It is a lantern." if mine else "It is no .lantern file.")

    def describe(self, path):
        return ModelCard(
            name=path.stem, family=self.name, path=str(path), output=IMAGE.card((1, 9, 9)), spaces=SPACES,
            fingerprint=fingerprint_of([path]), capabilities=CAPABILITIES,
        )

    def load(self, path, device, progress=None):
        return LanternGenerator(self.describe(path), device)


FAMILY = LanternFamily()
'''


@pytest.fixture
def lantern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of the family; its module lies among those of the package."""
    (tmp_path / "lantern_box.py").write_text(SOURCE)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    registry.plugged.cache_clear()
    model = tmp_path / "first.lantern"
    model.write_bytes(b"light")
    yield model
    sys.modules.pop("explorer.generators.lantern_box", None)
    registry.plugged.cache_clear()


def test_a_model_of_it_opens_and_is_called_by_its_title(lantern: Path) -> None:
    assert registry.identify(lantern).family == "lantern_box"
    card = Engine(torch.device("cpu")).card(ModelRef(path=str(lantern)))
    assert (card.family, card.family_title) == ("lantern_box", "magic lantern")
    unknown = lantern.with_suffix(".nothing")
    unknown.write_bytes(b"\0\1\2")
    assert "lanterns" in registry.identify(unknown).sentence


def test_methods_fit_it_by_what_it_can_do(lantern: Path) -> None:
    card = Engine(torch.device("cpu")).card(ModelRef(path=str(lantern)))
    assert {"sefa", "latent_axes", "jacobian", "random_orthogonal"} <= set(card.methods)
    assert set(card.methods) | set(card.refusals) == set(methods.methods())
    assert card.why_not(methods.method("stylespace").card) == card.refusals["stylespace"] != ""
    for method in methods.cards():
        assert ("lantern_box" in method.families) == (method.name in card.methods)


def test_its_controls_are_found_and_drawn(lantern: Path) -> None:
    engine, model = Engine(torch.device("cpu")), ModelRef(path=str(lantern))
    found = engine.control_set(model, default_controls(engine.card(model), "sefa"))
    assert len(found.controls) == 3
    generator = engine.generator(model)
    start = generator.sample([0])
    moved = found.controls[0].move(start.tensors["code"], torch.tensor([1.0]))
    change = generator.render(start.with_space("code", moved), Quality()) - generator.render(start, Quality())
    assert change[:, :, 3:6].abs().min() > 0  # its first affine layer amplifies the middle stripe most
    assert not change[:, :, :3].any()
    assert not change[:, :, 6:].any()


def test_no_file_of_the_program_knows_it() -> None:
    for file in Path(explorer.__file__).parent.rglob("*.py"):
        assert "lantern" not in file.read_text(), file
