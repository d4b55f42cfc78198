"""Methods: what all of them promise, plugins, and which fit a model."""

from __future__ import annotations

import importlib.metadata
import math
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import torch
from toys import ToyDiffusion, ToyGenerator, ToyVae

from explorer import plugins
from explorer.controls.control_set import load, save
from explorer.discovery import registry
from explorer.discovery.base import Method
from explorer.discovery.random_orthogonal import RandomOrthogonal
from explorer.discovery.request import checked_settings
from explorer.errors import Cancelled, ControlError
from explorer.generators.registry import families
from explorer.scene.cards import MethodCard, ModelCard, SettingCard
from explorer.scene.defaults import default_controls
from explorer.scene.model import Scalar

TOYS = (ToyGenerator(), ToyVae(), ToyDiffusion())
Toy = ToyGenerator | ToyVae | ToyDiffusion
OURS = ("latent_axes", "pca", "random_orthogonal", "rotated_axes", "sefa")
QUICK = {"steps": 3, "samples": 64, "batch": 4}
"""Settings that a promise does not depend on, but its time does; every trained method calls its steps ``steps``."""


@pytest.fixture
def fresh() -> Iterator[None]:
    """The list of methods is read again, before the test and after it."""
    registry.methods.cache_clear()
    yield
    registry.methods.cache_clear()


def _quick(method: Method) -> dict[str, Scalar]:
    """The settings with which ``method`` ends soon."""
    return {
        setting.name: max(QUICK[setting.name], int(setting.low or 0))
        for setting in method.card.settings
        if setting.name in QUICK
    }


def _by_itself(method: Method) -> bool:
    """Whether it needs nothing but a generator: no attributes, no file that only the user has."""
    asked = {setting.kind for setting in method.card.settings if setting.default == ""}
    return not method.card.supervised and not asked & {"attributes", "attribute", "file"}


def _fitting_pairs() -> list[tuple[str, Toy]]:
    return [(name, one) for one in TOYS for name in registry.fitting(one.card) if _by_itself(registry.methods()[name])]


def test_all_of_the_package_are_there_and_described() -> None:
    assert set(OURS) <= set(registry.methods())
    for name, method in registry.methods().items():
        assert method.card.name == name
        assert method.card.title
        assert method.card.description
        assert set(method.card.families) <= set(families())
        assert len({setting.name for setting in method.card.settings}) == len(method.card.settings)


README = {
    "VAEs": {"vae", "vae_checkpoint"}, "autoencoders": {"vae", "vae_checkpoint", "cvae", "qlae", "causal_vae"},
    "simple GANs": {"mlp_gan", "dcgan"},
    "StyleGANs": {"stylegan2", "stylegan3"}, "StyleGAN3": {"stylegan3"},
    "diffusion": {"diffusion"}, "diffusion autoencoders": {"diffusers_autoencoder"},
    "ONNX graphs": {"onnx"}, "known factors": {"known_factors"},
    "causal models": {"cvae", "causal_vae", "causal_diffusion"},
}  # fmt: skip
"""What a column of the table calls families."""


def test_the_table_of_methods_is_true() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text()
    rows = re.findall(r"^\| (.+?) \| (.+?) \| .+ \|$", text.partition("| method | works on | from |")[2], re.M)
    for card in registry.cards():
        (works_on,) = [families_ for title, families_ in rows if title.lower().startswith(card.title.lower())]
        words = re.sub(r" \([^)]*\)", "", works_on).split(", ")
        told = set(families()) if words == ["everything"] else set().union(*(README[word] for word in words))
        assert told == set(card.families), card.name


def _order(card: ModelCard) -> tuple[str, ...]:
    """The methods of :data:`OURS` that fit, in the order of the list."""
    return tuple(name for name in registry.fitting(card) if name in OURS)


def test_methods_fit_in_the_order_in_which_they_help() -> None:
    assert _order(ToyGenerator().card) == ("pca", "sefa", "latent_axes", "random_orthogonal")
    assert _order(ToyVae().card) == ("latent_axes", "pca", "rotated_axes", "random_orthogonal")
    assert _order(ToyDiffusion().card) == ("pca", "random_orthogonal")
    plain = msgspec.structs.replace(
        ToyGenerator().card, spaces={"z": ToyGenerator().card.spaces["z"]}, capabilities=("affine", "activations")
    )
    assert _order(plain) == ("sefa", "pca", "latent_axes", "random_orthogonal")
    assert registry.fitting(plain)[-1] == "random_orthogonal"


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ControlError, match="did you mean 'sefa'"):
        registry.method("seffa")
    with pytest.raises(ControlError, match=r"there are: .*causes, .* and \d+ more\."):
        registry.method("quantum")


@pytest.mark.parametrize(("name", "generator"), _fitting_pairs(), ids=lambda value: getattr(value, "card", value))
def test_every_method_keeps_its_promises(name: str, generator: Toy, tmp_path: Path) -> None:
    method = registry.method(name)
    shares: list[float] = []
    found = method.discover(generator, 5, seed=3, settings=_quick(method), progress=shares.append)
    found.check(generator.card)
    assert len(found.controls) == 5
    assert len({one.card.name for one in found.controls}) == 5
    assert found.method == name
    assert found.fingerprint == generator.card.fingerprint
    assert found.seed == 3
    assert set(found.settings) == {setting.name for setting in method.card.settings}
    assert {"seconds", "generator_evaluations"} <= set(found.cost)
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    for one in found.controls:
        assert one.card.low < 0 < one.card.high
    # The same question has the same answer, and a file keeps it.
    save(method.discover(generator, 5, seed=3, settings=_quick(method)), tmp_path / "set.safetensors")
    for one, again in zip(found.controls, load(tmp_path / "set.safetensors").controls, strict=True):
        assert one.card == again.card
        assert one.kind == again.kind
        assert one.parameters() == again.parameters()
        kept = again.tensors()
        assert set(one.tensors()) == set(kept)
        for part, tensor in one.tensors().items():
            assert torch.equal(tensor, kept[part])
            assert not tensor.requires_grad


@pytest.mark.parametrize(("name", "generator"), _fitting_pairs(), ids=lambda value: getattr(value, "card", value))
def test_every_method_stops_when_it_is_told_to(name: str, generator: Toy) -> None:
    def stop(share: float) -> None:
        raise Cancelled

    method = registry.method(name)
    with pytest.raises(Cancelled):
        method.discover(generator, 3, settings=_quick(method), progress=stop)


@pytest.mark.parametrize(("name", "generator"), _fitting_pairs(), ids=lambda value: getattr(value, "card", value))
def test_every_method_refuses_impossible_counts_and_settings(name: str, generator: Toy) -> None:
    method = registry.method(name)
    space = method.discover(generator, 2, settings=_quick(method)).space
    width = math.prod(generator.card.spaces[space].shape)
    with pytest.raises(ControlError, match=rf"{width + 1} controls .* \d+ dimensions"):
        method.discover(generator, width + 1)
    with pytest.raises(ControlError, match="0 controls"):
        method.discover(generator, 0)
    with pytest.raises(ControlError, match="no setting 'colour'"):
        method.discover(generator, 2, settings={"colour": "red"})


def test_settings_are_checked() -> None:
    card = MethodCard(
        name="m",
        title="M",
        spaces=(),
        trained=False,
        paper="",
        settings=(
            SettingCard(name="rate", title="Rate", default=0.5, low=0, high=1),
            SettingCard(name="steps", title="Steps", default=10, low=1),
            SettingCard(name="kind", title="Kind", default="a", choices=("a", "b")),
        ),
    )
    assert checked_settings(card, None) == {"rate": 0.5, "steps": 10, "kind": "a"}
    assert checked_settings(card, {"rate": 1})["rate"] == 1.0
    for bad, sentence in (
        ({"rate": 1.5}, "between 0 and 1"),
        ({"rate": float("nan")}, "between 0 and 1"),
        ({"steps": 0}, "at least 1"),
        ({"steps": True}, "must be a whole number"),
        ({"steps": "many"}, "must be a whole number"),
        ({"kind": "c"}, "one of a, b"),
        ({"rat": 0.1}, "did you mean 'rate'"),
    ):
        with pytest.raises(ControlError, match=sentence):
            checked_settings(card, bad)


def test_the_default_set_never_asks_for_more_than_there_is() -> None:
    for generator in (ToyGenerator(width=4), ToyVae(), ToyDiffusion()):
        for name in filter(lambda one: _by_itself(registry.method(one)), registry.fitting(generator.card)):
            ref, method = default_controls(generator.card, name), registry.method(name)
            assert len(method.discover(generator, ref.k, settings=_quick(method)).controls) == ref.k


class Echo(RandomOrthogonal):
    """A plugin: another name for chance."""

    card = msgspec.structs.replace(RandomOrthogonal.card, name="echo", title="Echo")


def _install(monkeypatch: pytest.MonkeyPatch, *entries: tuple[str, str]) -> None:
    found = [importlib.metadata.EntryPoint(name, value, registry.ENTRY_POINTS) for name, value in entries]
    monkeypatch.setattr(plugins, "entry_points", lambda group: found if group == registry.ENTRY_POINTS else [])


@pytest.mark.usefixtures("fresh")
def test_a_plugin_is_found_as_an_object_or_as_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("echo_plugin")
    module.METHOD = Echo()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "echo_plugin", module)
    for value in ("echo_plugin", "echo_plugin:METHOD"):
        _install(monkeypatch, ("anything", value))
        registry.methods.cache_clear()
        assert registry.method("echo").card.title == "Echo"
        assert len(registry.method("echo").discover(ToyGenerator(), 3).controls) == 3
        order = registry.fitting(ToyGenerator().card)
        assert order.index("sefa") < order.index("echo") < order.index("random_orthogonal")


@pytest.mark.usefixtures("fresh")
def test_a_plugin_that_fails_is_listed_with_its_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ours = set(registry.methods())
    registry.methods.cache_clear()
    (tmp_path / "broken_plugin.py").write_text("raise RuntimeError('needs a newer moon')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    thief = types.ModuleType("thief_plugin")
    thief.METHOD = RandomOrthogonal()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "thief_plugin", thief)
    monkeypatch.setitem(sys.modules, "hollow_plugin", types.ModuleType("hollow_plugin"))
    _install(
        monkeypatch,
        ("broken", "broken_plugin"),
        ("absent", "no_such_module_anywhere"),
        ("thief", "thief_plugin"),
        ("hollow", "hollow_plugin"),
    )
    listed = registry.methods()
    assert set(listed) == {*ours, "absent", "broken", "hollow", "thief"}
    assert "needs a newer moon" in listed["broken"].card.problem
    assert "'random_orthogonal' is taken" in listed["thief"].card.problem
    for name in ("absent", "broken", "hollow", "thief"):
        assert listed[name].refusal(ToyGenerator().card)
        with pytest.raises(ControlError, match="could not be loaded"):
            listed[name].discover(ToyGenerator(), 2)
    assert not {"absent", "broken", "hollow", "thief"} & set(registry.fitting(ToyGenerator().card))


def test_a_number_that_stands_for_another_is_shown_as_what_it_stands_for() -> None:
    """Where the help says what 0 or -1 means, a field that begins there shows a word, and not the number."""
    for name, method in registry.methods().items():
        for setting in method.card.settings:
            stands = re.search(r"(?:^|\s)(0:|-1 is)", setting.help)
            if stands and type(setting.default) is int and setting.default in (0, -1):
                assert setting.empty, f"{name}.{setting.name}"
                assert setting.default == setting.low


def test_settings_of_what_learns_fields_say_what_a_quick_look_and_a_full_run_cost() -> None:
    for name in ("potential_flow", "volume_preserving", "helmholtz_flow", "warped", "gradient_controls"):
        (steps,) = (one for one in registry.methods()[name].card.settings if one.name == "steps")
        assert re.search(r"quick look.*(full run|as it stands)", steps.help), name
        assert re.search(r"\d+ (s|min|minutes)\b|takes \d+", steps.help), name


def test_what_the_window_says_of_a_method_begins_as_a_sentence_does() -> None:
    for name, method in registry.methods().items():
        card = method.card
        for text in (card.title, card.description, card.paper):
            formula = "(" in text.partition(" ")[0]
            assert not text or formula or not text[0].islower(), f"{name}: {text[:40]}"
