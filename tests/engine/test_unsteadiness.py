"""How unusual a picture is: counted by hand, kept, taken up again, and at the cost of one batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_pipelines import save_ddim, save_latent

from explorer.engine import unsteadiness
from explorer.engine.engine import Engine
from explorer.engine.unsteadiness import FIRST_SEED, TOGETHER, Unsteady, standing
from explorer.errors import Cancelled, ModelError
from explorer.files import cache_folder
from explorer.generators.base import Latent
from explorer.generators.diffusion_probe import finished, renoised_samples
from explorer.numerics.renoise import score_of
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Quality, Seed, Start, View
from explorer.scene.unsteadiness import Unsteadiness, badge_text, mark_texts, standing_text

FOUR = Quality(steps=4)
CONTROLS = ControlSetRef(method="random_orthogonal", k=2)
COUNT = 20


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unsteadiness, "PICTURES", COUNT)


def view(folder: Path, seed: int = 3, amount: float = 0.0, quality: Quality = FOUR) -> View:
    edits = (Edit("random 1", amount),) if amount else ()
    return View(
        model=ModelRef(path=str(folder)), start=Start(Seed(seed)), controls=CONTROLS, edits=edits, quality=quality
    )


def silent(share: float) -> None:
    """Nobody looks on."""


def kept_files() -> list[Path]:
    return sorted((cache_folder() / "unsteadiness").glob("*"))


def test_it_is_the_place_among_pictures_that_are_drawn_by_hand(tmp_path: Path) -> None:
    folder = save_latent(tmp_path / "model")
    engine = Engine(torch.device("cpu"))
    name = engine.control_set(ModelRef(path=str(folder)), CONTROLS).controls[0].card.name
    shown = View(
        model=ModelRef(path=str(folder)),
        start=Start(Seed(3)),
        controls=CONTROLS,
        edits=(Edit(name, 4.0),),
        quality=FOUR,
    )
    found = Unsteady(engine).of(shown, silent)
    generator = engine.generator(shown.model)

    def both(latent: Latent) -> np.ndarray:
        found = renoised_samples(generator, finished(generator, latent, FOUR), latent)  # type: ignore[arg-type]
        return torch.stack([score_of(one) for one in found], 1).numpy()

    own = np.empty((0, 2))
    for first in range(0, COUNT, TOGETHER):
        latent = generator.sample([FIRST_SEED + row for row in range(first, min(COUNT, first + TOGETHER))])
        own = np.concatenate([own, both(latent)])
    start = generator.sample([3])
    (control,) = [one for one in engine.control_set(shown.model, CONTROLS).controls if one.card.name == name]
    moved = generator.advance(start, control.card.space)
    space = control.card.space
    moved = moved.with_space(space, control.move(moved.tensors[space], torch.tensor([4.0])))
    (scores,) = both(moved)
    assert (found.variance, found.offset) == pytest.approx(tuple(scores), rel=1e-3)
    assert found.pictures == COUNT
    ranks = (own[:, None] > own[None]).sum(1).max(1)
    assert found.below == (ranks < (scores > own).sum(0).max()).sum()


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30, unique=True))
def test_the_models_own_pictures_are_spread_evenly(own: list[tuple[float, float]]) -> None:
    places = sorted(standing(own, one) for one in own)
    assert all(place <= number for number, place in enumerate(places))  # none is said to be above more than it is
    assert standing(own, (2.0, 0.0)) == standing(own, (0.0, 2.0)) == len(own)
    assert standing(own, (-1.0, -1.0)) == 0


def test_what_is_usual_is_learned_once_for_every_way_to_draw(tmp_path: Path) -> None:
    folder = save_ddim(tmp_path / "model")
    shares: list[float] = []
    first = Unsteady(Engine(torch.device("cpu"))).of(view(folder), shares.append)
    assert shares == sorted(shares)
    assert shares
    assert len(kept_files()) == 1

    def refuse(share: float) -> None:
        raise AssertionError("it is known")

    again = Unsteady(Engine(torch.device("cpu")))
    assert again.of(view(folder), refuse) == first
    assert again.of(view(folder, seed=4), refuse).variance != first.variance
    again.of(view(folder, quality=Quality(steps=4, sampler="ddim")), refuse)  # that is its own
    for other in (Quality(steps=5), Quality(steps=4, sampler="euler")):
        with pytest.raises(AssertionError):
            again.of(view(folder, quality=other), refuse)


def test_what_is_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = save_ddim(tmp_path / "model")

    def stop(share: float) -> None:
        if share >= 0.4:
            raise Cancelled

    with pytest.raises(Cancelled):
        Unsteady(Engine(torch.device("cpu"))).of(view(folder), stop)
    shares: list[float] = []
    resumed = Unsteady(Engine(torch.device("cpu"))).of(view(folder), shares.append)
    assert shares[0] >= 0.4
    kept_files()[0].unlink()
    assert Unsteady(Engine(torch.device("cpu"))).of(view(folder), silent) == resumed


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_what_is_damaged_is_made_again(tmp_path: Path, damage: bytes | None) -> None:
    folder = save_ddim(tmp_path / "model")
    engine = Engine(torch.device("cpu"))
    first = Unsteady(engine).of(view(folder), silent)
    (path,) = kept_files()
    whole = path.read_bytes()
    path.write_bytes(whole[:-3] if damage is None else damage)
    assert Unsteady(engine).of(view(folder), silent) == first
    assert path.read_bytes() == whole


def test_a_picture_that_is_shown_costs_one_batch_more(tmp_path: Path) -> None:
    folder = save_ddim(tmp_path / "model")
    engine = Engine(torch.device("cpu"))
    asked = Unsteady(engine)
    asked.of(view(folder), silent)
    engine.render([view(folder, seed=9)])
    rows: list[int] = []
    generator = engine.generator(ModelRef(path=str(folder)))
    generator._unet.register_forward_pre_hook(lambda module, inputs: rows.append(len(inputs[0])))  # type: ignore[attr-defined]
    asked.of(view(folder, seed=9), silent)
    assert rows == [8]


def test_a_model_that_is_no_diffusion_model_is_refused() -> None:
    shown = View(model=ModelRef(path="shapes-btcvae"), start=Start(Seed(0)), controls=CONTROLS, edits=())
    with pytest.raises(ModelError, match=r"'shapes-btcvae' is no diffusion model.*choose a diffusion model"):
        Unsteady(Engine(torch.device("cpu"))).of(shown, silent)


@given(st.integers(1, 500), st.data())
def test_what_is_said_is_never_more_than_is_so(pictures: int, data: st.DataObject) -> None:
    below = data.draw(st.integers(0, pictures))
    found = Unsteadiness(variance=0.1, offset=0.1, below=below, pictures=pictures)
    text = standing_text(found)
    if below == pictures:
        assert text == f"above all {pictures} of this model's own pictures"
    else:
        said = int(text.split()[1])
        assert said <= 100 * below / pictures < said + 1
    assert found.is_unusual == (below > 0.96 * pictures)
    assert badge_text(found) == f"{'unusual' if found.is_unusual else 'usual'}: {text}"
    marks = mark_texts(found)
    assert (marks is not None) == found.is_unusual
    assert marks is None or len(marks[0]) > len(marks[1]) > len(marks[2])
