"""Bad folders: each gives one sentence, at `identify` where JSON and headers tell, and nothing in them is executed."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from tiny_pipelines import change_json, save_latent, save_pixels, tiny_kl, tiny_unet

from explorer.errors import ModelError
from explorer.generators import diffusion
from explorer.generators.registry import identify, load

CPU = torch.device("cpu")
WEIGHTS = "diffusion_pytorch_model.safetensors"
Damage = Callable[[Path], Any]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_latent(tmp_path_factory.mktemp("good") / "model")


class Evil:
    """A pickle that leaves a file behind when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def plant_code(folder: Path, name: str = "evil") -> None:
    """A module that leaves a file behind when it is imported, in every place where a loader might look."""
    for place in (folder, folder / "unet"):
        (place / f"{name}.py").write_text(
            f"from pathlib import Path\nPath({str(folder / 'EXECUTED')!r}).touch()\nclass Evil: pass\n"
        )


def change_weights(path: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    tensors = safetensors.torch.load_file(path)
    change(tensors)
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})


def set_nan(tensors: dict[str, torch.Tensor]) -> None:
    tensors["conv_in.weight"][0, 0, 0, 0] = float("nan")


def only_pickle(folder: Path) -> None:
    (folder / "unet" / WEIGHTS).unlink()
    with (folder / "unet" / "diffusion_pytorch_model.bin").open("wb") as file:
        pickle.dump(Evil(folder / "EXECUTED"), file)


def mixed_classes(folder: Path) -> None:
    change_json(folder / "model_index.json", unet=["diffusers", "UNet2DConditionModel"])


def shard_missing(folder: Path) -> None:
    (folder / "unet" / WEIGHTS).unlink()
    index = {"metadata": {}, "weight_map": {"conv_in.weight": "diffusion_pytorch_model-00001-of-00002.safetensors"}}
    (folder / "unet" / f"{WEIGHTS}.index.json").write_text(json.dumps(index))


def shard_outside(folder: Path) -> None:
    shard_missing(folder)
    index = {"metadata": {}, "weight_map": {"conv_in.weight": "../../secret.safetensors"}}
    (folder / "unet" / f"{WEIGHTS}.index.json").write_text(json.dumps(index))


def code_in_index(folder: Path) -> None:
    plant_code(folder)
    change_json(folder / "model_index.json", _class_name=["evil", "Evil"])


def code_as_unet(folder: Path) -> None:
    plant_code(folder)
    change_json(folder / "model_index.json", unet=["evil", "Evil"])


def text(content: str) -> Callable[[Path], Any]:
    return lambda path: path.write_text(content)


def at(name: str, change: Callable[[Path], Any]) -> Damage:
    return lambda folder: change(folder / name)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def huge_header(path: Path) -> None:
    path.write_bytes((1 << 60).to_bytes(8, "little") + path.read_bytes()[8:])


SCHEDULER = "scheduler/scheduler_config.json"
UNET = f"unet/{WEIGHTS}"
CONFIG = "unet/config.json"

FOUND_EARLY: dict[str, tuple[Damage, str]] = {
    "index is not JSON": (at("model_index.json", text("{")), "model_index.json"),
    "index is a list": (at("model_index.json", text("[]")), "model_index.json"),
    "index is empty": (at("model_index.json", text("")), "empty"),
    "config is not JSON": (at(CONFIG, text("<html>")), "config.json"),
    "config of wrong types": (at(CONFIG, lambda p: change_json(p, block_out_channels="wide")), "block_out_channels"),
    "no size": (at(CONFIG, lambda p: change_json(p, sample_size=None)), "sample_size"),
    "no unet folder": (lambda f: shutil.rmtree(f / "unet"), "'unet'"),
    "no unet config": (at(CONFIG, Path.unlink), "config.json"),
    "no scheduler config": (at(SCHEDULER, Path.unlink), "scheduler_config.json"),
    "scheduler is not JSON": (at(SCHEDULER, text("no")), "scheduler_config.json"),
    "no weights": (at(UNET, Path.unlink), WEIGHTS),
    "no decoder weights": (at(f"vqvae/{WEIGHTS}", Path.unlink), "vqvae"),
    "a pickle only": (only_pickle, "pickle"),
    "fp16 only": (at(UNET, lambda p: p.rename(p.with_name("diffusion_pytorch_model.fp16.safetensors"))), "variant"),
    "weights truncated": (at(UNET, truncate), "truncated"),
    "weights empty": (at(UNET, lambda p: p.write_bytes(b"")), "empty"),
    "weights are a web page": (at(UNET, text("<!DOCTYPE html><html></html>")), "safetensors"),
    "a huge header": (at(UNET, huge_header), "safetensors"),
    "git-LFS pointer": (at(UNET, text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")), "git lfs"),
    "a shard is missing": (shard_missing, "00001-of-00002"),
    "a shard outside the folder": (shard_outside, "does not list"),
    "code in the index": (code_in_index, "never run"),
    "code as the unet": (code_as_unet, "never run"),
    "a system call as the unet": (
        at("model_index.json", lambda p: change_json(p, unet=["os", "system"])), "never run"),
    "an unknown class": (at("model_index.json", lambda p: change_json(p, vqvae=["diffusers", "Sampler"])), "Sampler"),
    "a nonsense part": (at("model_index.json", lambda p: change_json(p, unet=["diffusers", 3])), "'unet'"),
    "an unknown part": (at("model_index.json", lambda p: change_json(p, text_encoder=["transformers", "CLIP"])),
                        "text_encoder"),
    "the wrong class on the folder": (mixed_classes, "UNet2DConditionModel"),
    "two models mixed": (at(CONFIG, lambda p: change_json(p, _class_name="UNet1DModel")), "mixes two models"),
    "no unet in the index": (at("model_index.json", lambda p: change_json(p, unet=...)), "without a unet"),
    "an unknown scheduler": (
        at("model_index.json", lambda p: change_json(p, scheduler=["diffusers", "EDMEulerScheduler"])),
        "EDMEulerScheduler"),
    "an unknown schedule": (at(SCHEDULER, lambda p: change_json(p, beta_schedule="exponential")), "exponential"),
    "an unknown key of the scheduler": (at(SCHEDULER, lambda p: change_json(p, late_start=3)), "'late_start'"),
    "clipping to nothing": (at(SCHEDULER, lambda p: change_json(p, clip_sample_range=0)), "clip_sample_range"),
    "an impossible quantile": (
        at(SCHEDULER, lambda p: change_json(p, dynamic_thresholding_ratio=99.5)), "dynamic_thresholding_ratio"),
    "a switch that is no switch": (at(SCHEDULER, lambda p: change_json(p, clip_sample="yes")), "clip_sample"),
    "noise predicted from noise alone": (
        at(SCHEDULER, lambda p: change_json(p, rescale_betas_zero_snr=True, timestep_spacing="trailing")),
        "no signal"),
    "steps beyond the schedule": (at(SCHEDULER, lambda p: change_json(p, steps_offset=30)), "steps offset"),
    "an unknown prediction": (at(SCHEDULER, lambda p: change_json(p, prediction_type="flow")), "flow"),
    "impossible betas": (at(SCHEDULER, lambda p: change_json(p, beta_end=2.0)), "beta"),
    "no signal anywhere": (at(SCHEDULER, lambda p: change_json(p, beta_start=1.0, beta_end=1.0)), "no signal"),
    "no training steps": (at(SCHEDULER, lambda p: change_json(p, num_train_timesteps=0)), "training steps"),
    "classes of another sort": (at(CONFIG, lambda p: change_json(p, class_embed_type="identity")), "'identity'"),
    "no number of classes": (at(CONFIG, lambda p: change_json(p, num_class_embeds=0)), "0 classes"),
    "no class for none": (at("card.json", text('{"null_class": 3}')), "null_class"),
    "another time embedding": (at(CONFIG, lambda p: change_json(p, time_embedding_type="fourier")), "fourier"),
    "decoder of another width": (
        at("vqvae/config.json", lambda p: change_json(p, latent_channels=3)), "belong together"),
    "card of wrong types": (at("card.json", text('{"full_steps": "many"}')), "full_steps"),
    "an impossible window": (at("card.json", text('{"h_window": [0, 500]}')), "h_window"),
}  # fmt: skip

FOUND_LATE: dict[str, tuple[Damage, str]] = {
    "the config asks for more layers": (at(CONFIG, lambda p: change_json(p, layers_per_block=2)), "belong together"),
    "the config asks for too much memory": (
        at(CONFIG, lambda p: change_json(p, block_out_channels=[1 << 16, 1 << 16])), "belong together"),
    "the config cannot be built": (
        at(CONFIG, lambda p: change_json(p, down_block_types=["A", "B"])), "does not describe"),
    "a tensor is missing": (at(UNET, lambda p: change_weights(p, lambda t: t.pop("conv_in.bias"))), "belong together"),
    "a tensor too many": (
        at(UNET, lambda p: change_weights(p, lambda t: t.update(extra=torch.zeros(3)))), "belong together"),
    "a tensor is renamed": (
        at(UNET, lambda p: change_weights(p, lambda t: t.update(other=t.pop("conv_in.bias")))), "conv_in.bias"),
    "a tensor has another shape": (
        at(UNET, lambda p: change_weights(p, lambda t: t.update({"conv_in.bias": t["conv_in.bias"].reshape(2, 4)}))),
        "conv_in.bias"),
    "not a number": (at(UNET, lambda p: change_weights(p, set_nan)), "not finite"),
    "sizes that do not halve": (at(CONFIG, lambda p: change_json(p, sample_size=7)), "fit together"),
}  # fmt: skip


def one_sentence(text_: str) -> bool:
    return "\n" not in text_ and text_.endswith((".", "?")) and len(text_) <= 300 and "Traceback" not in text_


@pytest.mark.parametrize("case", FOUND_EARLY)
def test_bad_folders_are_named_before_anything_is_loaded(case: str, good: Path, tmp_path: Path) -> None:
    damage, word = FOUND_EARLY[case]
    folder = Path(shutil.copytree(good, tmp_path / "bad"))
    damage(folder)
    found = identify(folder)
    assert found.family == ""
    verdict = found.verdicts["diffusion"]
    assert (verdict.mine, verdict.problem) == (True, True)
    assert word in verdict.reason, verdict.reason
    assert one_sentence(verdict.reason), verdict.reason
    with pytest.raises(ModelError, match=r"[.?]$"):
        load(str(folder), CPU, family="diffusion")
    assert not (folder / "EXECUTED").exists()


@pytest.mark.parametrize("case", FOUND_LATE)
def test_weights_that_do_not_fit_are_refused(case: str, good: Path, tmp_path: Path) -> None:
    damage, word = FOUND_LATE[case]
    folder = Path(shutil.copytree(good, tmp_path / "bad"))
    damage(folder)
    with pytest.raises(ModelError) as caught:
        load(str(folder), CPU)
    assert word in str(caught.value), str(caught.value)
    assert one_sentence(str(caught.value)), str(caught.value)


def test_other_paths_are_not_mine(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "absent", tmp_path / "file"):
        verdict = diffusion.FAMILY.identify(path)
        assert not verdict.mine
        assert one_sentence(verdict.reason)


def test_a_lone_unet_says_which_folder_to_open(good: Path) -> None:
    verdict = diffusion.FAMILY.identify(good / "unet")
    assert verdict.problem
    assert "model_index.json" in verdict.reason


def test_code_and_pickles_beside_the_weights_are_left_alone(good: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(good, tmp_path / "beside"))
    plant_code(folder, "unet")
    with (folder / "unet" / "diffusion_pytorch_model.bin").open("wb") as file:
        pickle.dump(Evil(folder / "EXECUTED"), file)
    load(str(folder), CPU)
    assert not (folder / "EXECUTED").exists()


def test_shards_newer_versions_and_unknown_keys_load(tmp_path: Path) -> None:
    folder = save_pixels(tmp_path / "sharded")
    shutil.rmtree(folder / "unet")
    tiny_unet().save_pretrained(folder / "unet", max_shard_size="20KB")
    assert len(list((folder / "unet").glob("*-of-*.safetensors"))) > 1
    change_json(folder / "unet" / "config.json", _diffusers_version="99.0.0", colour="green")
    generator = load(str(folder), CPU)
    assert generator.card.parameters == tiny_unet().num_parameters()


def test_parts_that_are_switched_off_do_not_matter(tmp_path: Path) -> None:
    folder = save_pixels(tmp_path / "pixels")
    change_json(folder / "model_index.json", safety_checker=[None, None], requires_safety_checker=False)
    assert identify(folder).family == "diffusion"


def test_the_fingerprint_follows_every_file_that_matters(tmp_path: Path) -> None:
    folder = save_latent(tmp_path / "latent")
    seen = {diffusion.FAMILY.describe(folder).fingerprint}
    (folder / "card.json").write_text('{"notes": "words"}')
    (folder / "README.md").write_text("words")
    assert diffusion.FAMILY.describe(folder).fingerprint in seen
    change_json(folder / "scheduler" / "scheduler_config.json", prediction_type="v_prediction")
    seen.add(diffusion.FAMILY.describe(folder).fingerprint)
    tiny_kl(scaling_factor=0.6).save_pretrained(folder / "vqvae")
    seen.add(diffusion.FAMILY.describe(folder).fingerprint)
    tiny_unet(4, 8, seed=5).save_pretrained(folder / "unet")
    seen.add(diffusion.FAMILY.describe(folder).fingerprint)
    assert len(seen) == 4


def test_identifying_needs_no_diffusers(good: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from explorer.generators.registry import identify; "
        f"assert identify(Path({str(good)!r})).family == 'diffusion'; "
        "assert not {'diffusers', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
