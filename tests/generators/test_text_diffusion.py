"""Pipelines that read text: what they draw is what their own call draws; prompts are read once; nothing is fetched."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderTiny,
    DDIMScheduler,
    DDPMScheduler,
    DiffusionPipeline,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    PNDMScheduler,
    StableDiffusionPipeline,
)
from tiny_pipelines import change_json, save_latent
from tiny_texts import END, save_stable, save_stable_xl, save_words, vocabulary
from torch import Tensor
from transformers import CLIPTokenizer

from explorer.engine.engine import Engine, Picture
from explorer.engine.origins import latent_of
from explorer.errors import ModelError
from explorer.generators import diffusion
from explorer.generators.base import Latent
from explorer.generators.diffusion_generator import DiffusionGenerator
from explorer.generators.diffusion_text import TextConditioner
from explorer.generators.diffusion_words import tokenizer_of
from explorer.generators.editing import stacked
from explorer.generators.registry import identify, load
from explorer.scene.model import Condition, ModelRef, Quality, Scene, Seed, Start, view_of

CPU = torch.device("cpu")
RED = Condition(prompt="a red cat", negative_prompt="blue", guidance=4.0)
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of diffusers


@pytest.fixture(scope="module")
def stable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_stable(tmp_path_factory.mktemp("stable") / "model")


@pytest.fixture(scope="module")
def stable_xl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_stable_xl(tmp_path_factory.mktemp("stable_xl") / "model")


def opened(folder: Path) -> DiffusionGenerator:
    generator = diffusion.FAMILY.load(folder, CPU)
    assert isinstance(generator, DiffusionGenerator)
    return generator


def encoders_of(generator: DiffusionGenerator) -> Any:
    assert isinstance(generator.conditioner, TextConditioner)
    return generator.conditioner.encoders


def ours(folder: Path, condition: Condition, steps: int = 5, sampler: str = "", seed: int = 3) -> Tensor:
    """(C, H, W) in 0..1."""
    generator = opened(folder)
    with torch.inference_mode():
        latent = latent_of(generator, Start(Seed(seed), 1.0, condition))
        return generator.render(latent, Quality(steps=steps, sampler=sampler))[0] / 2 + 0.5


def theirs(folder: Path, condition: Condition, steps: int = 5, seed: int = 3, **call: Any) -> Tensor:
    """(C, H, W) in 0..1, of the pipeline's own call."""
    pipeline = DiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
        prompt=condition.prompt, negative_prompt=condition.negative_prompt or None, num_inference_steps=steps,
        generator=torch.Generator().manual_seed(seed), output_type="np",
        **({} if condition.guidance is None else {"guidance_scale": condition.guidance}), **call,
    )  # fmt: skip
    return torch.from_numpy(made.images[0]).permute(2, 0, 1)


@pytest.mark.parametrize(
    "condition",
    [
        RED,
        Condition(prompt="a red cat"),  # by the guidance that the pipeline takes by itself
        Condition(prompt="a red cat", guidance=1.0),
        Condition(prompt="a red cat", negative_prompt="blue", guidance=0.5),  # less than 1 is none
        Condition(negative_prompt="blue"),
        Condition(prompt="blue " * 40, guidance=3.0),  # longer than what is read
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["stable", "stable_xl"])
def test_pictures_are_those_of_the_pipelines_own_call(
    kind: str, condition: Condition, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(kind)
    torch.testing.assert_close(ours(folder, condition), theirs(folder, condition), atol=1e-4, rtol=0)


def test_words_strength_and_what_is_avoided_change_the_picture(stable: Path) -> None:
    base = ours(stable, RED)
    for other in ({"prompt": "a blue cat"}, {"negative_prompt": "cat"}, {"guidance": 9.0}):
        changed = Condition(**{**{name: getattr(RED, name) for name in RED.__struct_fields__}, **other})
        assert (ours(stable, changed) - base).abs().max() > 0.005, other


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        (PNDMScheduler, {"skip_prk_steps": True, "steps_offset": 1, "beta_schedule": "scaled_linear"}),  # as SD 1
        (DDIMScheduler, {"prediction_type": "v_prediction", "clip_sample": False, "steps_offset": 1}),  # as SD 2
        (EulerDiscreteScheduler, {"timestep_spacing": "leading", "steps_offset": 1}),  # as XL
        (EulerAncestralDiscreteScheduler, {"timestep_spacing": "trailing", "steps_offset": 1}),  # as the turbo models
        (LCMScheduler, {"steps_offset": 1}),
    ],
    ids=str,
)
def test_a_folder_is_drawn_as_its_own_scheduler_does(tmp_path: Path, kind: Any, keys: dict[str, Any]) -> None:
    folder = save_stable(tmp_path / "model", kind(**keys))
    torch.testing.assert_close(ours(folder, RED), theirs(folder, RED), atol=1e-4, rtol=0)


def test_ddpm_is_chosen_by_name(tmp_path: Path) -> None:
    folder = save_stable(tmp_path / "model", DDPMScheduler(clip_sample=False, steps_offset=1))
    torch.testing.assert_close(ours(folder, RED, sampler="ddpm"), theirs(folder, RED), atol=1e-4, rtol=0)


def test_a_latent_consistency_model_is_told_the_guidance(tmp_path: Path) -> None:
    folder = save_stable(tmp_path / "model", LCMScheduler(steps_offset=1), time_cond_proj_dim=9)
    torch.testing.assert_close(ours(folder, RED, 4), theirs(folder, RED, 4), atol=1e-4, rtol=0)
    stronger = Condition(prompt="a red cat", guidance=8.0)
    assert (ours(folder, stronger, 4) - ours(folder, RED, 4)).abs().max() > 1e-4
    assert diffusion.FAMILY.describe(folder).guidance == 8.5


def test_an_empty_negative_prompt_of_xl_is_zeros_where_the_folder_says_so(tmp_path: Path) -> None:
    folder = save_stable_xl(tmp_path / "model", force_zeros=False)
    condition = Condition(prompt="a red cat", guidance=6.0)
    torch.testing.assert_close(ours(folder, condition), theirs(folder, condition), atol=1e-4, rtol=0)
    zeros = save_stable_xl(tmp_path / "zeros")
    assert (ours(zeros, condition) - ours(folder, condition)).abs().max() > 1e-3


def test_words_written_by_newer_versions_of_the_library_are_read(tmp_path: Path) -> None:
    folder = save_stable(tmp_path / "model", old_words=False)
    assert (folder / "tokenizer" / "tokenizer.json").is_file()
    torch.testing.assert_close(ours(folder, RED), theirs(folder, RED), atol=1e-4, rtol=0)


def test_names_and_counts_of_older_text_encoders_are_read(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = save_stable(tmp_path / "model")
    expected = ours(folder, RED)
    weights = folder / "text_encoder" / "model.safetensors"
    tensors = {f"text_model.{name.removeprefix('text_model.')}": tensor for name, tensor in load_file(weights).items()}
    tensors["text_model.embeddings.position_ids"] = torch.arange(16)[None]
    save_file(tensors, weights, metadata={"format": "pt"})
    assert torch.equal(ours(folder, RED), expected)


@pytest.mark.parametrize("negative", [False, True])
def test_a_prompt_that_is_cut_is_told_of_with_what_has_no_effect(stable: Path, negative: bool) -> None:
    engine = Engine(CPU)
    read, unread = "cat " * 14, "red blue"  # the tokenizer has 16 tokens, two of them signs

    def drawn(text: str) -> Picture:
        condition = Condition(negative_prompt=text) if negative else Condition(prompt=text)
        scene = Scene(model=ModelRef(path=str(stable)), condition=condition, quality=Quality(steps=2))
        (picture,) = engine.render([view_of(scene, 0)])
        return picture

    whole, cut = drawn(read.strip()), drawn(read + unread)
    assert whole.remarks == {}
    ((name, remark),) = cut.remarks.items()
    assert name == ("the negative prompt" if negative else "the prompt")
    assert remark.mark == name.removeprefix("the ") + " cut"
    assert "14 tokens" in remark.text
    assert f"“{unread}”" in remark.text
    assert np.array_equal(cut.bgrx, whole.bgrx)  # it is true


def test_the_text_encoder_runs_once_for_a_prompt(stable_xl: Path) -> None:
    generator = opened(stable_xl)
    generator.sample([0])  # as the first picture did when it was opened
    calls = []
    for encoder in encoders_of(generator)._encoders:
        encoder.register_forward_hook(lambda *_: calls.append(1))
    for seed in range(4):  # as a hand that drags does
        latent = latent_of(generator, Start(Seed(seed), 1.0, RED))
        generator.render(latent, Quality(steps=2))
    assert len(calls) == 2 * 2  # two encoders, prompt and negative prompt
    latent_of(generator, Start(Seed(0), 1.0, Condition(prompt="a blue cat", negative_prompt="blue")))
    assert len(calls) == 2 * 3


def test_prompts_are_a_space_that_is_blended_and_moved(stable: Path) -> None:
    generator = opened(stable)
    assert list(generator.card.spaces) == ["x_T", "prompt", "h"]
    assert generator.card.spaces["prompt"].shape == (16, 16)
    red, blue = (
        generator.advance(latent_of(generator, Start(Seed(3), 1.0, Condition(prompt=text))), "prompt")
        for text in ("red cat", "blue cat")
    )
    quality = Quality(steps=4)
    between = red.with_space("prompt", torch.lerp(red.tensors["prompt"], blue.tensors["prompt"], 1.0))
    torch.testing.assert_close(generator.render(between, quality), generator.render(blue, quality), atol=1e-5, rtol=0)
    half = red.with_space("prompt", torch.lerp(red.tensors["prompt"], blue.tensors["prompt"], 0.5))
    assert (generator.render(half, quality) - generator.render(red, quality)).abs().max() > 1e-3
    point = red.tensors["prompt"].clone().requires_grad_()
    (slope,) = torch.autograd.grad(generator.render(red.with_space("prompt", point), quality).sum(), point)
    assert slope.abs().sum() > 0


def test_pictures_of_several_prompts_are_one_batch(stable: Path) -> None:
    generator = opened(stable)
    conditions = (RED, Condition(prompt="blue"), Condition(), Condition(prompt="cat", guidance=1.0))
    rows = [latent_of(generator, Start(Seed(3), 1.0, condition)) for condition in conditions]
    with torch.inference_mode():
        together = generator.render(stacked(generator, rows), Quality(steps=3))
        alone = torch.cat([generator.render(row, Quality(steps=3)) for row in rows])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


def test_points_of_noise_alone_have_the_empty_prompt(stable_xl: Path) -> None:
    generator = opened(stable_xl)
    drawn = generator.sample([3])
    bare = Latent({"x_T": drawn.tensors["x_T"]})
    assert torch.equal(generator.render(bare, Quality(steps=2)), generator.render(drawn, Quality(steps=2)))


def test_h_moves_what_is_led_and_what_it_is_led_from(stable: Path) -> None:
    generator = opened(stable)
    latent = generator.advance(latent_of(generator, Start(Seed(3), 1.0, RED)), "h")
    seen: list[Tensor] = []
    generator._unet.mid_block.register_forward_hook(lambda module, inputs, output: seen.append(output))
    moved = latent.with_space("h", latent.tensors["h"] + 2.0)
    generator.render(latent, Quality(steps=1))
    generator.render(moved, Quality(steps=1))
    torch.testing.assert_close(seen[1] - seen[0], torch.full_like(seen[0], 2.0))
    assert len(seen[0]) == 2
    heard = generator.bottleneck(latent, Quality(steps=1))
    torch.testing.assert_close(heard, seen[0][1:])


def test_a_kept_beginning_is_that_of_its_prompt(tmp_path: Path) -> None:
    folder = save_stable(tmp_path / "model")
    (folder / "card.json").write_text(json.dumps({"h_window": [400, 0]}))
    generator, quality = opened(folder), Quality(steps=5)
    pictures = []
    for condition in (RED, Condition(prompt="blue", guidance=4.0), replaced(guidance=6.0), RED):
        pictures.append(generator.render(latent_of(generator, Start(Seed(3), 1.0, condition)), quality))
    assert generator.prefixes.hits == 1
    assert torch.equal(pictures[0], pictures[3])
    assert not any(torch.equal(pictures[0], other) for other in pictures[1:3])


def replaced(**changes: Any) -> Condition:
    return Condition(**{**{name: getattr(RED, name) for name in RED.__struct_fields__}, **changes})


def test_inversion_is_under_a_prompt(stable: Path) -> None:
    generator = opened(stable)
    with torch.no_grad():
        generator._unet.conv_out.weight.mul_(0.02)
    start = replace(latent_of(generator, Start(Seed(3), 1.0, replaced(guidance=1.0))))
    quality = Quality(steps=20, sampler="ddim")
    with torch.inference_mode():
        picture = generator.render(start, quality)
    found = generator.encode(picture, 20, 4, like=start)
    assert torch.equal(found.prompt if found.prompt is not None else torch.empty(0), start.prompt)  # type: ignore[arg-type]
    assert list(found.tensors) == ["x_T"]


def test_a_tiny_decoder_draws_what_moves(tmp_path: Path) -> None:
    folder = save_stable(tmp_path / "model")
    expected = ours(folder, RED)
    torch.manual_seed(4)
    AutoencoderTiny(
        encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8), num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    ).save_pretrained(folder / "taesd")  # fmt: skip
    generator = opened(folder)
    assert generator.card.tiny_decoder
    latent = latent_of(generator, Start(Seed(3), 1.0, RED))
    full = generator.render(latent, Quality(steps=5))
    torch.testing.assert_close(full[0] / 2 + 0.5, expected)  # the finished picture is as before
    calls: list[int] = []
    generator._decoding._decoder.decoder.register_forward_hook(lambda *_: calls.append(1))
    moving = generator.render(latent, Quality(steps=5, decoder="tiny"))
    assert not calls
    assert moving.shape == full.shape
    assert not torch.equal(moving, full)
    change_json(folder / "taesd" / "config.json", latent_channels=3)
    with pytest.raises(ModelError, match="belong together"):
        opened(folder)


def test_models_of_few_steps_are_known_by_their_schedulers(tmp_path: Path) -> None:
    card = diffusion.FAMILY.describe(save_stable(tmp_path / "a"))
    assert (card.full_steps, card.guidance) == (50, 7.5)
    assert card.capabilities == ("steps", "encode", "weights", "renoise", "ddim", "prompt", "bottleneck")
    assert diffusion.FAMILY.describe(save_stable_xl(tmp_path / "b")).guidance == 5.0
    turbo = save_stable(tmp_path / "c", EulerAncestralDiscreteScheduler(timestep_spacing="trailing", steps_offset=1))
    card = diffusion.FAMILY.describe(turbo)
    assert (card.full_steps, card.interactive_steps, card.guidance) == (4, 1, 1.0)
    (turbo / "card.json").write_text(json.dumps({"guidance": 2, "full_steps": 2}))
    assert (diffusion.FAMILY.describe(turbo).guidance, diffusion.FAMILY.describe(turbo).full_steps) == (2.0, 2)
    (turbo / "card.json").write_text(json.dumps({"guidance": "much"}))
    with pytest.raises(ModelError, match="'guidance' is 'much'"):
        diffusion.FAMILY.describe(turbo)


SCRIPT = """
import sys
import urllib3  # which finds out at import whether the machine has IPv6, by a socket that leads nowhere
sockets = []
sys.addaudithook(lambda event, args: sockets.append(event) if event.startswith("socket.") else None)
from pathlib import Path
import torch
from explorer.engine.origins import latent_of
from explorer.generators.registry import load
from explorer.scene.model import Condition, Quality, Seed, Start
generator = load(sys.argv[1], torch.device("cpu"))
told = Condition(prompt="a red cat", negative_prompt="blue")
generator.render(latent_of(generator, Start(Seed(1), 1.0, told)), Quality(steps=2))
opened = [event for event in sockets if event != "socket.gethostname"]
assert not opened, opened
"""


@pytest.mark.parametrize("kind", ["stable", "stable_xl"])
def test_no_socket_is_opened(kind: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(kind)
    subprocess.run([sys.executable, "-c", SCRIPT, str(folder)], check=True, timeout=300)


def test_without_the_library_of_text_encoders_a_sentence_says_how_to_get_it(
    stable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    verdict = identify(stable).verdicts["diffusion"]
    assert verdict.problem
    assert verdict.reason.endswith("get it by pip install 'latent-explorer[text]'.")
    with pytest.raises(ModelError, match="transformers"):
        load(str(stable), CPU, family="diffusion")


@pytest.mark.parametrize("pad", [END, "!"])
@pytest.mark.parametrize("as_one_file", [False, True])
@pytest.mark.parametrize("signs", [{}, {"pad_token": {"content": "!", "lstrip": True, "normalized": False}}], ids=str)
def test_words_become_the_numbers_that_the_library_gives(
    tmp_path: Path, pad: str, as_one_file: bool, signs: dict[str, Any]
) -> None:
    folder = tmp_path / "tokenizer"
    theirs = save_words(folder, pad)
    if as_one_file:
        theirs.save_pretrained(folder)
        (folder / "vocab.json").unlink(missing_ok=True)
    if signs:
        (folder / "special_tokens_map.json").write_text(json.dumps(signs))
    theirs = CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)
    own = tokenizer_of(folder)
    for text in ("", "a RED cat!", "blue   cat's 42 é ☃", "! red", "cat " * 30, "<|endoftext|> x"):
        asked = {"padding": "max_length", "max_length": 16, "truncation": True}
        assert own(text, **asked).input_ids == theirs(text, **asked).input_ids, text


def test_added_words_are_refused(tmp_path: Path) -> None:
    folder = save_stable(tmp_path / "model")
    (folder / "tokenizer" / "added_tokens.json").write_text('{"<cat-toy>": 521}')
    with pytest.raises(ModelError, match="adds '<cat-toy>'"):
        opened(folder)


def few_words(folder: Path) -> None:
    for file in (folder / "tokenizer").iterdir():
        file.unlink()


def two_words(folder: Path) -> None:
    (folder / "tokenizer" / "vocab.json").write_text('{"<|startoftext|>": 0, "<|endoftext|>": 1}')


def more_words(folder: Path) -> None:
    (folder / "tokenizer" / "vocab.json").write_text(json.dumps({**vocabulary(), "more": 9000}))


def at(name: str, **changes: Any) -> Callable[[Path], None]:
    return lambda folder: change_json(folder / name, **changes)


def unconditional_with_texts(folder: Path) -> None:
    """The U-Net of an unconditional pipeline, called one that reads text."""
    other = save_latent(folder.parent / "other")
    shutil.rmtree(folder / "unet")
    shutil.copytree(other / "unet", folder / "unet")
    change_json(folder / "unet" / "config.json", _class_name="UNet2DConditionModel")


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "words are missing": (few_words, "every prompt would be the same"),
    "two words": (two_words, "has 2 entries"),
    "words that the encoder has not": (more_words, "belong together"),
    "the config asks for more layers": (at("unet/config.json", layers_per_block=2), "belong together"),
    "the encoder has more layers in its config": (
        at("text_encoder/config.json", num_hidden_layers=4),
        "belong together",
    ),
    "the class of another U-Net": (unconditional_with_texts, "belong together"),
    "an encoder of another width": (at("unet/config.json", cross_attention_dim=24), "belong together"),
    "an inpainting model": (at("unet/config.json", in_channels=9), "a picture or a mask"),
    "an unknown encoder": (at("model_index.json", text_encoder=["transformers", "T5EncoderModel"]), "T5EncoderModel"),
    "an encoder of its own code": (at("model_index.json", text_encoder=["os", "system"]), "never run"),
    "no encoder": (at("model_index.json", text_encoder=[None, None]), "text_encoder"),
    "no words in the index": (at("model_index.json", tokenizer=[None, None]), "no tokenizer"),
    "neither": (at("model_index.json", text_encoder=[None, None], tokenizer=[None, None]), "no text encoder"),
    "another sort of embedding": (at("unet/config.json", addition_embed_type="image"), "addition_embed_type"),
    "classes beside the text": (at("unet/config.json", num_class_embeds=7), "take no text"),
    "a controlled pipeline": (at("model_index.json", controlnet=["diffusers", "ControlNetModel"]), "controlnet"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_folders_are_refused_in_one_sentence(case: str, stable: Path, tmp_path: Path) -> None:
    damage, word = BROKEN[case]
    folder = Path(shutil.copytree(stable, tmp_path / "broken"))
    damage(folder)
    with pytest.raises(ModelError) as caught:
        load(str(folder), CPU, family="diffusion")
    said = str(caught.value)
    assert word in said, said
    assert "\n" not in said
    assert said.endswith(".")


def test_a_refiner_is_not_opened(tmp_path: Path) -> None:
    folder = save_stable_xl(tmp_path / "model")
    change_json(folder / "unet" / "config.json", projection_class_embeddings_input_dim=32)
    assert "refiner" in identify(folder).verdicts["diffusion"].reason


def test_the_safety_checker_and_its_kind_are_let_pass(tmp_path: Path) -> None:
    folder = save_stable(tmp_path / "model")
    change_json(
        folder / "model_index.json",
        safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"],
        feature_extractor=["transformers", "CLIPImageProcessor"],
    )
    assert identify(folder).family == "diffusion"


def test_the_fingerprint_follows_the_words_and_encoders(tmp_path: Path) -> None:
    folder = save_stable(tmp_path / "model")
    seen = {diffusion.FAMILY.describe(folder).fingerprint}
    (folder / "tokenizer" / "merges.txt").write_text("#version: 0.2\nr e\n")
    seen.add(diffusion.FAMILY.describe(folder).fingerprint)
    change_json(folder / "tokenizer" / "tokenizer_config.json", pad_token="!")
    seen.add(diffusion.FAMILY.describe(folder).fingerprint)
    change_json(folder / "text_encoder" / "config.json", hidden_act="gelu")
    seen.add(diffusion.FAMILY.describe(folder).fingerprint)
    assert len(seen) == 4


def test_the_pipeline_of_the_tests_is_what_diffusers_calls_stable_diffusion(stable: Path) -> None:
    assert isinstance(DiffusionPipeline.from_pretrained(stable, local_files_only=True), StableDiffusionPipeline)
