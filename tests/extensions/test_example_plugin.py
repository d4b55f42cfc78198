"""The package in docs/examples that shows what a plug-in looks like, installed and used as a reader would."""

from __future__ import annotations

import importlib
import json
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import explorer
from explorer.cli.main import run
from explorer.discovery import registry as methods
from explorer.engine.engine import Engine
from explorer.errors import ModelError
from explorer.generators import registry
from explorer.scene.model import ControlSetRef, ModelRef, Quality

RINGS = Path(explorer.__file__).parent.parent / "docs" / "examples" / "rings"


def installed(place: Path, entries: dict[str, dict[str, str]], name: str = "rings") -> None:
    """What pip writes of a package with these entry points."""
    about = place / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [
        line for group, named in entries.items() for line in (f"[{group}]", *(f"{k} = {v}" for k, v in named.items()))
    ]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")


def forget() -> None:
    for lookup in (registry.plugged, methods.methods):
        lookup.cache_clear()
    for name in ("rings_generator", "rings_method"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A ring, in a program beside which the package is installed."""
    entries = tomllib.loads((RINGS / "pyproject.toml").read_text())["project"]["entry-points"]
    installed(tmp_path / "site", entries)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.syspath_prepend(str(RINGS))
    monkeypatch.setenv("LATENT_EXPLORER_DEVICE", "cpu")
    monkeypatch.chdir(tmp_path)
    forget()
    path = tmp_path / "first.rings"
    path.write_text('{"size": 48}')
    yield path
    forget()


def test_its_models_open_and_its_method_orders_the_axes(plugin: Path) -> None:
    engine, model = Engine(torch.device("cpu")), ModelRef(path=str(plugin))
    card = engine.card(model)
    assert (card.family, card.family_title, card.size) == ("rings", "ring", (48, 48))
    assert {"quiet_edges", "jacobian", "voynov"} <= set(card.methods)
    found = engine.control_set(model, ControlSetRef(method="quiet_edges", k=5))
    axes = [int(control.direction.argmax()) for control in found.controls]  # type: ignore[attr-defined]
    assert sorted(axes) == [0, 1, 2, 3, 4]
    assert axes[-1] == 0  # the radius alone brings the ring to the edge
    generator = engine.generator(model)
    pictures = generator.render(generator.sample([1, 2]), Quality())
    assert pictures.shape == (2, 3, 48, 48)
    assert pictures.abs().max() <= 1
    assert pictures.std() > 0.1


def test_the_commands_of_its_page_work(plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (RINGS.parent.parent / "plugins.md").read_text()
    for command in (line for line in page.splitlines() if line.startswith("latent-explorer render")):
        assert run(shlex.split(command)[1:]) == 0
    assert Path("ring.png").is_file()
    assert run(["inspect", str(plugin), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert told["family"] == "rings"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [('{"size": 4}', "8 to 1024"), ('{"softness": 0}', "above 0"), ("[]", "JSON object"), ("{", "first.rings")],
)
def test_its_broken_files_are_refused_in_its_words(plugin: Path, text: str, sentence: str) -> None:
    plugin.write_text(text)
    with pytest.raises(ModelError, match=sentence):
        registry.load(str(plugin), torch.device("cpu"))


def test_one_that_fails_is_named_and_stops_nothing(
    plugin: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = plugin.parent / "broken"
    installed(site, {"explorer.generators": {"sunk": "no_such_module"}}, "sunk")
    monkeypatch.syspath_prepend(str(site))
    forget()
    assert run(["models"]) == 0
    out, err = capsys.readouterr()
    assert "pendulum-dscm" in out
    assert "The plugin 'sunk' could not be loaded (ModuleNotFoundError" in err
    assert registry.load(str(plugin), torch.device("cpu")).card.family == "rings"
