"""What the description of a model claims is believed as far as its weights bear it out: neither time nor memory is
spent on layers, pictures or steps that are only said to be there, and settings that mean nothing are refused."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from test_causal_diffusion import write_causal_diffusion
from tiny_pipelines import change_json, save_ddim, save_latent, tiny_kl
from torch import nn

from explorer import checkpoint
from explorer.checkpoint import picture_budget
from explorer.errors import LONGEST_SENTENCE, ModelError
from explorer.generators import budget, registry
from explorer.generators.base import Latent, Verdict
from explorer.generators.budget import built_from, within_budget
from explorer.reading import UNPACKED_BYTES

CPU = torch.device("cpu")
Change = Callable[[Path], object]


def config(part: str, **values: Any) -> Change:
    return lambda folder: change_json(folder / part / "config.json", **values)


def schedule(**values: Any) -> Change:
    return lambda folder: change_json(folder / "scheduler" / "scheduler_config.json", **values)


def autoencoder(folder: Path) -> Path:
    tiny_kl().save_pretrained(folder)
    return folder


Case = tuple[Callable[[Path], Any], Change, str]
CLAIMS: dict[str, Case] = {
    "layers": (save_ddim, config("unet", layers_per_block=10**7), "far more layers"),
    "a size": (save_ddim, config("unet", sample_size=4096), "for its first picture"),
    "sizes": (save_latent, config("unet", sample_size=[4096, 4096]), "for its first picture"),
    "a size beyond any": (save_ddim, config("unet", sample_size=2**31), "sample_size"),
    "channels": (save_ddim, config("unet", in_channels=2**31, out_channels=2**31), "in_channels"),
    "blocks": (save_ddim, config("unet", block_out_channels=[8] * 10**5), "block_out_channels"),
    "blocks of a decoder": (save_latent, config("vqvae", block_out_channels=[8] * 10**5), "block_out_channels"),
    "steps": (save_ddim, schedule(num_train_timesteps=10**9), "1000000000 training steps"),
    "heads": (save_ddim, config("unet", attention_head_dim=0), "config.json"),
    "groups": (save_ddim, config("unet", norm_num_groups=0), "config.json"),
    "an autoencoder": (autoencoder, config("", layers_per_block=10**7), "far more layers"),
    "its size": (autoencoder, config("", sample_size=4096), "for its first picture"),
    "text for a number": (save_ddim, config("unet", layers_per_block="many"), "config.json"),
    "nested": (save_ddim, config("unet", down_block_types=[["DownBlock2D"]] * 2), "config.json"),
    "a size of ours": (
        write_causal_diffusion,
        config("", size=4096, autoencoder_widths=[8, 8, 8], unet_widths=[8, 8]),
        "",
    ),
}
NOTHING: dict[str, Case] = {
    "infinite latents": (save_latent, config("vqvae", scaling_factor=float("inf")), "scaling_factor"),
    "no latents": (save_latent, config("vqvae", scaling_factor=0), "scaling_factor"),
    "latents of no number": (autoencoder, config("", scaling_factor=float("nan")), "scaling_factor"),
    "a shift of no number": (autoencoder, config("", shift_factor=float("inf")), "shift_factor"),
    "betas of no number": (save_ddim, schedule(beta_start=float("nan")), "'beta_start' is nan"),
    "infinite betas": (save_ddim, schedule(beta_end=float("inf")), "'beta_end' is inf"),
    "a norm of no number": (save_ddim, config("unet", norm_eps=float("nan")), "not finite"),
}


def refused(folder: Path) -> str:
    """Why the model is; in one sentence, within little time and memory."""
    before, start = psutil.Process().memory_info().rss, time.process_time()
    with pytest.raises(ModelError) as caught:
        registry.load(str(folder), CPU)
    said = str(caught.value)
    assert len(said) <= LONGEST_SENTENCE
    assert "\n" not in said
    assert psutil.Process().memory_info().rss - before < 300 << 20
    assert time.process_time() - start < 20.0  # a claim that is believed takes hours
    return said


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_that_the_weights_do_not_bear_out_is_refused(claim: str, tmp_path: Path) -> None:
    save, change, word = CLAIMS[claim]
    save(tmp_path / "model")
    change(tmp_path / "model")
    assert word in refused(tmp_path / "model")


@pytest.mark.parametrize("setting", NOTHING)
def test_a_setting_that_means_nothing_is_refused(setting: str, tmp_path: Path) -> None:
    save, change, word = NOTHING[setting]
    save(tmp_path / "model")
    change(tmp_path / "model")
    assert word in refused(tmp_path / "model")


def test_nothing_is_made_that_is_beyond_the_budget(tmp_path: Path) -> None:
    small = tmp_path / "model"
    small.write_bytes(b"weights")
    many = UNPACKED_BYTES // 4
    makers: tuple[Callable[[], object], ...] = (
        lambda: torch.zeros(many + 1000),
        lambda: torch.randn((many + 1000,), generator=torch.Generator().manual_seed(0)),
        lambda: torch.arange(10**10),
        lambda: torch.zeros(20_000, 1) + torch.zeros(1, 20_000),
        lambda: nn.functional.interpolate(torch.zeros(1, 1, 8, 8), size=(20_000, 20_000)),
        lambda: [torch.zeros(many // 8) for _ in range(9)],
        lambda: [torch.mm(torch.zeros(2000, 2000), torch.zeros(2000, 2000)) for _ in range(10)],
    )
    for make in makers:
        with pytest.raises(ModelError, match="for its first picture"), within_budget(small):
            make()
    with within_budget(small):  # what is gone counts no more, and views count once
        for _ in range(20):
            torch.zeros(many // 2).view(2, -1)[:, 1:]


def test_what_files_hold_buys_a_budget(tmp_path: Path) -> None:
    large = tmp_path / "model"
    large.write_bytes(bytes(1 << 20))
    with within_budget(large):
        torch.zeros(UNPACKED_BYTES // 4 + (1 << 20))
    with pytest.raises(ModelError), within_budget(large):
        torch.zeros(UNPACKED_BYTES // 4 + (13 << 20))


def test_layers_without_numbers_are_counted_too() -> None:
    for make in (nn.SiLU, lambda: nn.Linear(2, 2), lambda: nn.BatchNorm2d(2)):
        with pytest.raises(ValueError, match="far more layers"), built_from(3):
            nn.Sequential(*(nn.Sequential(make()) for _ in range(100_000)))
    with built_from(3):
        assert next(nn.Linear(2, 2).parameters()).is_meta


# --- whatever a family raises ----------------------------------------------------------------------------------------


class Failing:
    """A family that fails where ``where`` says."""

    name, title, short_title = "failing", "failing models", "failing model"

    def __init__(self, where: str, error: Exception) -> None:
        self.where, self.error = where, error

    def identify(self, path: Path) -> Verdict:
        self._fail("identify")
        return Verdict(True, "It is one.")

    def describe(self, path: Path) -> object:
        self._fail("describe")
        return None

    def load(self, path: Path, device: torch.device, progress: object = None) -> object:
        self._fail("load")
        return None

    def _fail(self, here: str) -> None:
        if here == self.where:
            raise self.error


ERRORS = (KeyError("weights"), RecursionError(), ZeroDivisionError("a\nb"), AssertionError(), UnicodeError("\ud800"))


@pytest.mark.parametrize("where", ["identify", "describe", "load"])
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_a_family_raises_is_one_sentence(
    where: str, own: bool, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    kind = type("Failing", (Failing,), {"__module__": "explorer.generators.failing" if own else "brought.along"})
    monkeypatch.setattr(registry, "families", lambda: {"failing": kind(where, error)})
    file = tmp_path / "some.model"
    file.write_bytes(b"\0\1\2")
    caplog.set_level("INFO")
    for ask in (registry.describe, lambda path: registry.load(path, CPU)):
        if where in ("describe", "load") and (ask is registry.describe) != (where == "describe"):
            continue
        with pytest.raises(ModelError) as caught:
            ask(str(file))
        said = str(caught.value)
        assert ("plugin for failing models" in said) != own
        assert "some.model" in said
        assert "\n" not in said
        assert len(said) <= LONGEST_SENTENCE
    assert type(error).__name__ in caplog.text  # and its traceback is in the log
    assert "Failing" in caplog.text or "_fail" in caplog.text


def test_what_a_plugin_gives_in_place_of_a_model_is_its_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kind = type("Failing", (Failing,), {"__module__": "brought.along"})
    monkeypatch.setattr(registry, "families", lambda: {"failing": kind("nowhere", KeyError())})
    (tmp_path / "some.model").write_bytes(b"\0")
    for ask in (registry.describe, lambda path: registry.load(path, CPU)):
        with pytest.raises(ModelError, match="plugin for failing models failed"):
            ask(str(tmp_path / "some.model"))


def test_a_family_that_fails_at_one_file_takes_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    families = registry.families()
    failing = type("Failing", (Failing,), {"__module__": "brought.along"})("identify", KeyError("x"))
    monkeypatch.setattr(registry, "families", lambda: {"failing": failing, **families})
    assert registry.identify(registry.resolve("known-ring")).family == "known_factors"
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    assert "failing" not in registry.identify(tmp_path / "x.csv").family


# --- the first picture -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(registry.shipped_models()))
def test_a_picture_that_is_not_finite_is_said_when_a_model_is_opened(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = registry.resolve(name)
    family = registry.families()[registry.identify(path).family]
    load = family.load

    def broken(*arguments: Any) -> Any:
        generator = load(*arguments)
        render = generator.render

        def rendered(latent: Latent, *rest: Any) -> torch.Tensor:
            made = render(latent, *rest)
            made[0, 0, 0, 0] = float("nan")
            return made

        generator.render = rendered  # type: ignore[method-assign]
        return generator

    monkeypatch.setattr(family, "load", broken)
    with pytest.raises(ModelError, match=f"first picture of '{name}' has numbers that are not finite"):
        registry.load(name, CPU)


def test_a_few_pictures_tell_of_numbers_that_not_every_picture_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A QLAE draws one value of every latent for each picture."""
    import safetensors.torch

    monkeypatch.setattr(checkpoint, "LARGEST_WEIGHT", float("inf"))  # else that is seen before any picture
    folder = Path(shutil.copytree(registry.resolve("shapes-qlae"), tmp_path / "model"))
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    tensors["codebook"] = torch.sort(torch.sign(tensors["codebook"]) * 3e38 + tensors["codebook"], dim=1).values
    tensors["codebook"] += torch.arange(tensors["codebook"].shape[1]) * 1e32
    safetensors.torch.save_file(tensors, folder / "model.safetensors")
    assert "not finite" in refused(folder)


def test_texts_of_a_model_are_shown_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "odd\nname \u202e\x1b[31m"
    shutil.copytree(registry.resolve("known-ring"), folder)
    (folder / "card.json").write_text(json.dumps({"licence": "a\nb", "origin": "\u202ec", "notes": "d" * 5000}))
    for card in (registry.describe(str(folder)), registry.load(str(folder), CPU).card):
        assert card.name == "odd name [31m"
        assert (card.licence, card.origin) == ("a b", "c")
        assert len(card.notes) == 2000
        assert card.path == str(folder)


def test_shipped_models_need_a_small_part_of_their_budget() -> None:
    """Their first pictures take at most a quarter of it, so a model ten times as large will open."""
    for name in registry.shipped_models():
        path = registry.resolve(name)
        with within_budget(path), pytest.MonkeyPatch.context() as patch:
            patch.setattr(budget, "picture_budget", lambda held: picture_budget(held) // 4)
            patch.setattr(budget, "LEAST_OPERATIONS", budget.LEAST_OPERATIONS // 4)
            patch.setattr(budget, "OPERATIONS_A_BYTE", budget.OPERATIONS_A_BYTE // 4)
            registry.load(name, CPU)
