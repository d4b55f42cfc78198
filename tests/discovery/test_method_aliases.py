"""Other names of methods: what they lead to, on the command line too, and that a plugin takes none of ours."""

from __future__ import annotations

import importlib.metadata
import sys
import types
from collections.abc import Iterator

import msgspec
import pytest

from explorer import plugins
from explorer.cli.main import run
from explorer.discovery import registry
from explorer.discovery.random_orthogonal import RandomOrthogonal
from explorer.errors import ControlError


class Dice(RandomOrthogonal):
    """A plugin that would like to be called what chance is called."""

    card = msgspec.structs.replace(RandomOrthogonal.card, name="a_dice", title="Dice", aliases=("random", "dice"))


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    module = types.ModuleType("dice_plugin")
    module.METHOD = Dice()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "dice_plugin", module)
    entry = importlib.metadata.EntryPoint("dice", "dice_plugin", registry.ENTRY_POINTS)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [entry])
    registry.methods.cache_clear()
    yield
    registry.methods.cache_clear()


def test_aliases_lead_to_the_method() -> None:
    assert registry.method("random") is registry.methods()["random_orthogonal"]
    assert registry.method("axes") is registry.methods()["latent_axes"]
    with pytest.raises(ControlError, match="There is no method 'randm'; did you mean 'random'"):
        registry.method("randm")


def test_no_alias_is_a_name_or_stands_twice() -> None:
    aliases = [alias for one in registry.methods().values() for alias in one.card.aliases]
    assert len(set(aliases)) == len(aliases)
    assert not set(aliases) & set(registry.methods())


@pytest.mark.usefixtures("plugin")
def test_a_plugin_brings_aliases_but_takes_none_of_ours() -> None:
    assert registry.method("dice").card.name == "a_dice"
    assert registry.method("random").card.name == "random_orthogonal"


def test_the_command_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["methods"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["latent_axes"].endswith("Also called axes.")
    assert "Also called" not in lines["sefa"]
