"""Prompts as sliders: blended, added, weighed token by token."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_texts import save_stable
from toys import ToyDiffusion

from explorer.controls.control_set import ControlSet, save
from explorer.controls.control_set import load as load_set
from explorer.discovery import registry
from explorer.engine.origins import latent_of
from explorer.errors import ControlError
from explorer.generators.base import Generator, Latent
from explorer.generators.editing import edited
from explorer.generators.registry import load
from explorer.scene.model import Condition, Edit, Quality, Scalar, Seed, Start

FEW = Quality(steps=3)


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    return load(str(save_stable(tmp_path_factory.mktemp("prompts") / "model")), torch.device("cpu"))


def found(generator: Generator, method: str, k: int = 10, **settings: Scalar) -> ControlSet:
    return registry.method(method).discover(generator, k, settings=settings)


def start(generator: Generator, prompt: str, guidance: float = 1.0) -> Latent:
    return latent_of(generator, Start(Seed(3), 1.0, Condition(prompt=prompt, guidance=guidance)))


def prompt_of(generator: Generator, latent: Latent) -> torch.Tensor:
    return generator.advance(latent, "prompt").tensors["prompt"]


def test_at_1_the_picture_is_of_the_other_prompt(generator: Generator) -> None:
    controls = found(generator, "prompts", texts="a red cat | blue | a red cat")
    assert [control.card.name for control in controls.controls] == ["a red cat", "blue"]
    own = start(generator, "cat", 4.0)
    moved = edited(generator, own, controls.moves((Edit("blue", 1.0),)))
    expected = start(generator, "blue", 4.0)
    torch.testing.assert_close(prompt_of(generator, moved), prompt_of(generator, expected))
    made, wanted = generator.render(moved, FEW), generator.render(expected, FEW)
    torch.testing.assert_close(made, wanted, atol=1e-5, rtol=0)
    # two halves are half of either
    both = edited(generator, own, controls.moves((Edit("blue", 0.5), Edit("a red cat", 0.5))))
    halves = (prompt_of(generator, expected) + prompt_of(generator, start(generator, "a red cat"))) / 2
    torch.testing.assert_close(prompt_of(generator, both), halves)


def test_texts_are_added_to_the_prompt(generator: Generator) -> None:
    controls = found(generator, "prompts", texts="blue", way="add")
    own, empty, blue = (prompt_of(generator, start(generator, text)) for text in ("cat", "", "blue"))
    moved = edited(generator, start(generator, "cat"), controls.moves((Edit("blue", 0.5),)))
    torch.testing.assert_close(prompt_of(generator, moved), own + 0.5 * (blue - empty))


def test_a_token_counts_as_much_as_its_slider_says(generator: Generator) -> None:
    controls = found(generator, "prompt_weights", k=4, text="red cat")
    assert [control.card.name for control in controls.controls] == [
        "token 1: red",
        "token 2: cat",
        "token 3",
        "token 4",
    ]
    own, empty = (prompt_of(generator, start(generator, text)) for text in ("red cat", ""))
    for amount in (-1.0, 0.5, 1.0):
        moved = edited(generator, start(generator, "red cat"), controls.moves((Edit("token 1: red", amount),)))
        expected = own.clone()
        expected[:, 1] = empty[:, 1] + (1.0 + amount) * (own[:, 1] - empty[:, 1])
        torch.testing.assert_close(prompt_of(generator, moved), expected)
    both = (Edit("token 1: red", -1.0), Edit("token 2: cat", 1.0))
    together = prompt_of(generator, edited(generator, start(generator, "red cat"), controls.moves(both)))
    torch.testing.assert_close(together[:, 1], empty[:, 1])
    torch.testing.assert_close(together[:, 2], 2 * own[:, 2] - empty[:, 2])
    assert len(found(generator, "prompt_weights", k=40).controls) == 14  # as many as are read


def test_sets_are_kept_in_files(generator: Generator, tmp_path: Path) -> None:
    controls = found(generator, "prompts", texts="blue")
    save(controls, tmp_path / "set.safetensors")
    again = load_set(tmp_path / "set.safetensors")
    latent = prompt_of(generator, start(generator, "cat"))
    amount = torch.tensor([0.3])
    assert torch.equal(again.controls[0].move(latent, amount), controls.controls[0].move(latent, amount))


def test_no_texts_are_refused(generator: Generator) -> None:
    with pytest.raises(ControlError, match="give it texts"):
        found(generator, "prompts", texts=" | ")


def test_models_that_read_no_text_have_none() -> None:
    for method in ("prompts", "prompt_weights"):
        assert (
            registry.method(method).refusal(ToyDiffusion().card).endswith("reads no text, so it has no prompt to move.")
        )
