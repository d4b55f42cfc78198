"""The first controls stay when more are asked for: of the methods that say so, and as far as they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from official_files import SMALL_STYLEGAN3, exported_stylegan3, own_stylegan3, write_official
from tiny_pipelines import save_flow
from tiny_texts import save_stable
from toys import ToyCauses, ToyDiffusion, ToyGenerator, ToyVae

from explorer.controls.base import Control
from explorer.discovery import jacobian, registry
from explorer.generators import registry as generators
from explorer.generators.base import Generator
from explorer.generators.stylegan2 import save_stylegan2
from explorer.generators.stylegan2_network import NetworkConfig, StyleGAN2
from explorer.scene.cards import WITHOUT_END
from explorer.scene.model import ControlSetRef, Scalar

CPU = torch.device("cpu")
QUICK = {"steps": 20, "samples": 64, "batch": 4, "points": 8, "pictures": 200}
TOYS = {"toy": ToyGenerator, "toy-vae": ToyVae, "toy-diffusion": ToyDiffusion, "toy-causes": ToyCauses}
NETWORK = NetworkConfig(resolution=8, channels=(6, 4), z_dim=6, w_dim=5, mapping_layers=2, mapping_width=7)


def _stylegan2(folder: Path, seed: int) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        save_stylegan2(StyleGAN2(NETWORK), folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two checkpoints of a small StyleGAN2, a conditional StyleGAN3, a pipeline of texts and a flow of classes."""
    place = tmp_path_factory.mktemp("checkpoints")
    found = {name: _stylegan2(place / name, seed) for seed, name in enumerate(("stylegan2", "other"))}
    alias_free = write_official(
        place / "a.pkl", exported_stylegan3(own_stylegan3(classes=6, label_width=3)), SMALL_STYLEGAN3
    )
    texts, flow = save_stable(place / "texts"), save_flow(place / "flow", num_class_embeds=6)
    return {**found, "stylegan3": alias_free, "texts": texts, "flow": flow}


def _generator(name: str, folders: dict[str, Path]) -> Generator:
    if name in TOYS:
        return TOYS[name]()
    return generators.load(str(folders.get(name, name)), CPU)


def _settings(name: str, folders: dict[str, Path]) -> dict[str, Scalar]:
    method = registry.method(name)
    quick: dict[str, Scalar] = {
        setting.name: max(QUICK[setting.name], int(setting.low or 0))
        for setting in method.card.settings
        if setting.name in QUICK
    }
    if "samples" in quick and method.card.supervised:
        quick["samples"] = 400
    if name == "stylespace":
        quick = {"region": "0,0,0.5,0.5", "samples": 8}
    if name == "prompts":
        quick = {"texts": "red | blue | cat | a red cat | a blue cat"}
    if name == "concept_slider":
        quick = {"samples": 64, "steps": 2, "batch": 2}
    if name == "weight_difference":
        quick["other"] = str(folders["other"])
    return quick


def _cases() -> Iterator[tuple[str, str]]:
    for name, toy in TOYS.items():
        for method in registry.fitting(toy().card):
            card = registry.method(method).card
            if not card.supervised and not card.needs_file:
                yield name, method
    yield from (
        ("known-distinct", method)
        for method in (
            "interfacegan",
            "attribute_regression",
            "bound_causes",
            "gradient_controls",
            "true_directions",
        )
    )
    yield from (("known-distinct", one.card.name) for one in registry.all_with_role("capacity"))
    yield "stylegan3", "picture_motion"
    yield "stylegan3", "classes"
    yield from (("texts", method) for method in ("prompts", "prompt_weights"))
    yield "flow", "velocity_split"
    yield "shapes-diffusion", "concept_slider"
    yield from (("stylegan2", method) for method in ("stylespace", "weight_difference", "local_basis", "pca"))


CASES = list(_cases())


def _same(one: Control, other: Control) -> bool:
    """Whether both move a point in the same way; an amount of 1 of either is the same step."""
    here, there = one.tensors(), other.tensors()
    return here.keys() == there.keys() and all(
        here[part].shape == there[part].shape and torch.allclose(here[part], there[part], rtol=1e-5, atol=1e-6)
        for part in here
    )


def _changed(generator: Generator, method: str, sizes: tuple[int, int], settings: dict[str, Scalar]) -> list[str]:
    """The names of those of the smaller set that are others in the larger one."""
    few, many = (registry.method(method).discover(generator, k, seed=1, settings=settings) for k in sizes)
    larger = {one.card.name: one for one in many.controls}
    return [
        name
        for name, one in ((one.card.name, one) for one in few.controls)
        if name not in larger or not _same(one, larger[name])
    ]


def test_every_method_is_tried() -> None:
    assert {method for _, method in CASES} == set(registry.methods())


@pytest.mark.parametrize(("model", "method"), CASES)
def test_a_method_says_whether_its_sets_grow(model: str, method: str, folders: dict[str, Path]) -> None:
    generator, settings = _generator(model, folders), _settings(method, folders)
    ref = ControlSetRef(method=method, k=2, settings=tuple(settings.items()))
    limit = registry.grows_to(ref, generator.card)
    sizes = (6, 8) if method == "true_directions" else (2, 5)  # the five true ones, and others that are drawn
    changed = _changed(generator, method, sizes, settings)
    assert registry.method(method).card.grows == (limit > 0)
    if limit >= max(sizes):
        assert not changed
    else:
        assert changed


def test_more_products_than_points_are_another_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jacobian, "SAMPLER_PROBED", 8)
    toy = ToyDiffusion()
    probes: dict[str, Scalar] = {"estimate": "probes"}

    def limit(**settings: Scalar) -> int:
        return registry.grows_to(ControlSetRef(method="jacobian", settings=tuple(settings.items())), toy.card)

    assert limit(**probes) == 4
    assert not _changed(toy, "jacobian", (2, 4), probes)
    assert _changed(toy, "jacobian", (4, 6), probes)
    assert limit() == 4  # by itself it may choose them
    assert limit(estimate="probes", samples=8) == limit(estimate="columns") == WITHOUT_END
    assert not _changed(toy, "jacobian", (2, 8), {**probes, "samples": 8})


def test_a_frame_turns_in_more_dimensions_for_more_directions() -> None:
    toy = ToyGenerator()
    settings: dict[str, Scalar] = {"dimensions": 4, "points": 8, "steps": 20}
    ref = ControlSetRef(method="hessian", settings=tuple(settings.items()))
    assert registry.grows_to(ref, toy.card) == 4
    assert not _changed(toy, "hessian", (2, 4), settings)
    assert _changed(toy, "hessian", (4, 6), settings)
    assert registry.grows_to(ControlSetRef(method="hessian"), toy.card) == WITHOUT_END  # 10 dimensions are all


def test_files_and_matched_sets_are_as_they_are() -> None:
    card = ToyGenerator().card
    assert registry.grows_to(ControlSetRef(path="set.safetensors"), card) == 0
    assert registry.grows_to(ControlSetRef(method="pca"), card) == WITHOUT_END
    assert registry.grows_to(ControlSetRef(method="pca", units="effect", without=("PC 1",)), card) == WITHOUT_END
    assert registry.grows_to(ControlSetRef(method="pca", like=ControlSetRef(method="sefa")), card) == 0
