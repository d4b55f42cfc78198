"""The engine: what it renders equals what the generator and the controls say, however it is batched and cached."""

from __future__ import annotations

import functools
import math
import threading
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toys import ToyFamily, ToyGenerator

from explorer.controls import control_set as control_sets
from explorer.engine import control_store
from explorer.engine.convert import to_bgrx
from explorer.engine.engine import Engine
from explorer.engine.origins import latent_of
from explorer.errors import ControlError, ModelError, SceneError
from explorer.generators import registry
from explorer.generators.base import Latent, Progress
from explorer.scene.model import Blend, ControlSetRef, Edit, ModelRef, Quality, Seed, Start, StoredLatent, View

MODEL = ModelRef(path="toy0")
PATIENCE = 60.0  # seconds: a limit for a hang, not a measurement
RANDOM = ControlSetRef(method="random_orthogonal", k=4, seed=1)
PCA = ControlSetRef(method="pca", k=4, seed=0, settings=(("samples", 512),))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Engine:
    """An engine that knows toy generators only."""
    families = {"toy": ToyFamily()}
    monkeypatch.setattr(registry, "families", lambda: families)
    for seed in (0, 1):
        folder = tmp_path / f"toy{seed}"
        folder.mkdir()
        (folder / "toy.txt").write_text(str(seed))
    monkeypatch.chdir(tmp_path)
    return Engine(torch.device("cpu"))


def view(**changes: object) -> View:
    plain = View(model=ModelRef(path="toy0"), start=Start(Seed(3), 0.7), controls=RANDOM, edits=())
    return msgspec.structs.replace(plain, **changes)


def by_hand(seed: int, psi: float, edits: tuple[Edit, ...], controls: ControlSetRef, engine: Engine) -> np.ndarray:
    """The same picture without the engine's batches and caches."""
    generator = ToyGenerator(0)
    latent = generator.sample([seed], psi)
    found = engine.control_set(ModelRef(path="toy0"), controls)
    for edit in edits:
        control = found.control(edit.control)
        latent = generator.advance(latent, control.card.space)
        moved = control.move(latent.tensors[control.card.space], torch.tensor([edit.amount]))
        latent = latent.with_space(control.card.space, moved)
        deeper = list(generator.card.spaces)[list(generator.card.spaces).index(control.card.space) + 1 :]
        for space in deeper:
            latent.tensors.pop(space, None)
    return to_bgrx(generator.render(latent, Quality()))[0].numpy()


def names(engine: Engine, controls: ControlSetRef) -> list[str]:
    return [control.card.name for control in engine.control_set(ModelRef(path="toy0"), controls).controls]


def test_a_view_is_what_the_generator_renders(engine: Engine) -> None:
    first, second, *_ = names(engine, RANDOM)
    edits = (Edit(first, 1.5), Edit(second, -0.5))
    picture = engine.render([view(edits=edits)])[0]
    np.testing.assert_array_equal(picture.bgrx, by_hand(3, 0.7, edits, RANDOM, engine))


def test_the_difference_of_panes_is_that_of_their_pictures(engine: Engine) -> None:
    """Of two models, each moved by its own controls: against arithmetic on what each draws."""
    moved = Edit(names(engine, RANDOM)[0], 1.5)
    first = msgspec.structs.replace(view(edits=(moved,)), model=ModelRef(path="toy1"))
    second = view(controls=PCA, edits=(Edit(names(engine, PCA)[0], -1.0),))
    between = msgspec.structs.replace(second, view="between", against=first)
    one, other, difference = engine.render([first, second, between], exact=True)
    levels = one.bgrx[..., :3].astype(float) - other.bgrx[..., :3].astype(float)
    expected = np.sqrt(np.mean((levels / 255) ** 2))
    assert difference.rms == pytest.approx(expected, abs=2 / 255)
    assert difference.rms > 0.02
    assert np.count_nonzero(np.abs(levels).max(axis=-1) > 8) > 0
    (same,) = engine.render([msgspec.structs.replace(second, view="between", against=second)])
    assert same.rms == 0.0


def test_there_is_no_difference_between_pictures_of_two_sizes(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    small = engine.generator(ModelRef(path="toy1"))
    output = msgspec.structs.replace(small.card.output, shape=(1, 4, 4), description="4 × 4 grey pictures")
    monkeypatch.setattr(small, "card", msgspec.structs.replace(small.card, output=output))
    other = msgspec.structs.replace(view(), model=ModelRef(path="toy1"))
    with pytest.raises(SceneError, match="'toy1' 4 × 4 grey pictures; there is a difference only between"):
        engine.render([msgspec.structs.replace(view(), view="between", against=other)])


def test_a_model_that_a_view_loads_can_still_be_searched_by_gradients(engine: Engine) -> None:
    """As after so many others that it was dropped: what is loaded while pictures are drawn is not of their mode."""
    engine.render([view()])
    found = engine.control_set(ModelRef(path="toy0"), ControlSetRef(method="jacobian", k=2))
    assert len(found.controls) == 2


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from([0.0, 0.7, 1.0]), st.floats(-3, 3, width=16), st.booleans()),
        min_size=1,
        max_size=12,
    )
)
def test_batches_and_caches_change_at_most_one_level(
    engine: Engine, asked: list[tuple[int, float, float, bool]]
) -> None:
    """A float depends on its batch in the last bit, so a pixel may be one level off; never more."""
    views = []
    for seed, psi, amount, principal in asked:
        controls = PCA if principal else RANDOM
        edit = Edit(names(engine, controls)[0], amount)
        views.append(view(start=Start(Seed(seed), psi), controls=controls, edits=(edit,)))
    together = engine.render(views)
    for one, picture in zip(views, together, strict=True):
        edits = tuple(edit for edit in one.edits if edit.amount)
        alone = by_hand(one.start.origin.seed, one.start.truncation_psi, edits, one.controls, engine)  # type: ignore[union-attr]
        assert np.abs(picture.bgrx.astype(int) - alone).max() <= 1


class Careful(ToyGenerator):
    """Fewer steps make a darker picture."""

    def render(self, latent: Latent, quality: Quality) -> torch.Tensor:
        return super().render(latent, quality) - quality.steps / 10


class CarefulFamily(ToyFamily):
    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> ToyGenerator:
        generator = Careful(int((path / "toy.txt").read_text()))
        generator.card = msgspec.structs.replace(generator.card, path=str(path), name=path.name)
        return generator


VIEWS = st.builds(
    lambda model, seed, psi, principal, amounts, kind, split, steps: (
        View(
            model=ModelRef(path=model),
            start=Start(Seed(seed), psi),
            controls=PCA if principal else RANDOM,
            edits=tuple(Edit(("PC" if principal else "random") + f" {1 + i}", a) for i, a in enumerate(amounts) if a),
            view=kind,
            split=split,
            quality=Quality(steps=steps),
        )
    ),
    st.sampled_from(["toy0", "toy1"]), st.integers(0, 1), st.sampled_from([0.5, 1.0]), st.booleans(),
    st.tuples(*[st.sampled_from([0.0, 1.0, -2.0])] * 2), st.sampled_from(["image", "before_after", "difference"]),
    st.sampled_from([0.25, 0.5]), st.integers(0, 1),
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(VIEWS, min_size=1, max_size=3), min_size=1, max_size=4))
def test_no_picture_depends_on_what_was_drawn_before(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, calls: list[list[View]]
) -> None:
    """Whatever is kept between calls, and whatever is drawn beside: every part of a view is part of the question."""
    monkeypatch.setattr(registry, "families", lambda: {"toy": CarefulFamily()})
    for views in calls:
        for asked, picture in zip(views, engine.render(views), strict=True):
            (alone,) = Engine(torch.device("cpu")).render([asked])
            assert picture.rms == pytest.approx(alone.rms, abs=1e-6)
            if asked.view != "difference":
                assert np.abs(picture.bgrx.astype(int) - alone.bgrx).max() <= 1


def test_both_pictures_of_a_difference_are_of_one_quality(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "families", lambda: {"toy": CarefulFamily()})
    assert engine.render([view(view="difference", quality=Quality(steps=1))])[0].rms == 0


def test_views_of_one_generator_are_one_batch(engine: Engine) -> None:
    pictures = engine.render([view(start=Start(Seed(seed), 0.7)) for seed in range(8)])
    assert {picture.batch for picture in pictures} == {8}


def test_a_picture_waits_for_the_call_that_has_the_device(engine: Engine) -> None:
    """Of a long search, say: two calls at once would take the memory of both."""
    toy, shown = engine.generator(MODEL), view()
    draw, inside, go_on = toy.render, threading.Semaphore(0), threading.Event()
    at_once: list[int] = []
    running = 0

    def slow(latent: Latent, quality: Quality) -> torch.Tensor:
        nonlocal running
        running += 1
        at_once.append(running)
        inside.release()
        go_on.wait(PATIENCE)
        running -= 1
        return draw(latent, quality)

    toy.render = slow  # type: ignore[method-assign]
    latent = toy.sample([0])
    search = threading.Thread(target=lambda: engine.shared(MODEL).render(latent, Quality()))
    look = threading.Thread(target=lambda: engine.render([shown]))
    search.start()
    assert inside.acquire(timeout=PATIENCE)
    look.start()
    assert not inside.acquire(timeout=0.5)  # long enough for a picture that does not wait
    go_on.set()
    for thread in (search, look):
        thread.join(PATIENCE)
    assert at_once == [1, 1]


def test_equal_points_are_computed_once(engine: Engine) -> None:
    edit = (Edit(names(engine, RANDOM)[0], 2.0),)
    generator = engine.generator(ModelRef(path="toy0"))
    assert isinstance(generator, ToyGenerator)
    before = generator.rendered
    engine.render([view(edits=edit), view(edits=edit, view="difference"), view(edits=edit, view="before_after")])
    assert generator.rendered == before + 2
    engine.render([view(edits=edit)])
    assert generator.rendered == before + 2


def test_exact_renders_again_and_repeats_bit_for_bit(engine: Engine) -> None:
    views = [
        view(start=Start(Seed(seed), 0.7), edits=(Edit(names(engine, RANDOM)[0], seed / 3),)) for seed in range(40)
    ]
    engine.render(views[:7])
    once = engine.render(views, exact=True)
    engine.render(views[11:17])
    again = engine.render(views, exact=True)
    for left, right in zip(once, again, strict=True):
        np.testing.assert_array_equal(left.bgrx, right.bgrx)


def test_difference_and_before_after_are_made_of_the_two_pictures(engine: Engine) -> None:
    edit = (Edit(names(engine, RANDOM)[0], 2.0),)
    plain, moved, both, grey = engine.render(
        [
            view(),
            view(edits=edit),
            view(edits=edit, view="before_after", split=0.25),
            view(edits=edit, view="difference"),
        ]
    )
    np.testing.assert_array_equal(both.bgrx[:, :4], plain.bgrx[:, :4])
    np.testing.assert_array_equal(both.bgrx[:, 4:], moved.bgrx[:, 4:])
    expected = (moved.bgrx[..., :3].astype(float) - plain.bgrx[..., :3]) / 255
    assert grey.rms == pytest.approx(np.sqrt((expected**2).mean()), abs=2e-3)
    assert (grey.bgrx[..., 0] == grey.bgrx[..., 2]).all()


def test_unedited_views_do_not_need_a_control_set(engine: Engine) -> None:
    picture = engine.render([view(controls=ControlSetRef(method="no such method"))])[0]
    np.testing.assert_array_equal(picture.bgrx, engine.render([view()])[0].bgrx)


def test_blends_meet_their_ends(engine: Engine) -> None:
    ends = engine.render([view(start=Start(Seed(1), 0.7)), view(start=Start(Seed(2), 0.7))], exact=True)
    for interpolation in ("slerp", "lerp", "smooth"):
        blends = [Blend((Seed(1), Seed(2)), weights, interpolation) for weights in ((1.0, 0.0), (0.0, 1.0))]
        mixed = engine.render([view(start=Start(blend, 0.7)) for blend in blends], exact=True)
        for left, right in zip(ends, mixed, strict=True):
            assert np.abs(left.bgrx.astype(int) - right.bgrx).max() <= 1


def test_blends_are_the_mixtures_that_they_name() -> None:
    toy = ToyGenerator(0)
    points = toy.sample([1, 2, 3]).tensors["z"].double()
    norms = points.norm(dim=1)

    def mixed(interpolation: Literal["lerp", "slerp", "smooth"], *weights: float) -> torch.Tensor:
        origins = tuple(Seed(1 + index) for index in range(len(weights)))
        return latent_of(toy, Start(Blend(origins, weights, interpolation))).tensors["z"][0].double()

    def curved(*weights: float) -> torch.Tensor:
        """The plain mixture, as long as the geometric mean of the lengths."""
        share = torch.tensor(weights, dtype=torch.float64)
        plain = share @ points[: len(weights)]
        return plain / plain.norm() * (share @ norms[: len(weights)].log()).exp()

    close = functools.partial(torch.testing.assert_close, atol=1e-5, rtol=0)
    close(mixed("lerp", 0.75, 0.25), 0.75 * points[0] + 0.25 * points[1])
    units = points / norms[:, None]
    angle = math.acos(float(units[0] @ units[1]))
    turned = (math.sin(0.75 * angle) * units[0] + math.sin(0.25 * angle) * units[1]) / math.sin(angle)
    close(mixed("slerp", 0.75, 0.25), turned * (0.75 * norms[0] + 0.25 * norms[1]))
    close(mixed("smooth", 0.75, 0.25), curved(0.75, 0.25))
    close(mixed("smooth", 0.5, 0.3, 0.2), curved(0.5, 0.3, 0.2))
    close(mixed("lerp", 0.5, 0.3, 0.2), curved(0.5, 0.3, 0.2))  # a line has two ends
    with pytest.raises(SceneError, match="two origins, this one has 3"):
        mixed("slerp", 0.5, 0.3, 0.2)


def test_a_stored_latent_shows_the_picture_it_was_stored_from(engine: Engine) -> None:
    w = ToyGenerator(0).advance(ToyGenerator(0).sample([3], 0.7), "w").tensors["w"]
    stored = StoredLatent("w", tuple(w.shape[1:]), w.numpy().astype("<f4").tobytes())
    left, right = engine.render([view(), view(start=Start(stored, 0.7))])
    assert np.abs(left.bgrx.astype(int) - right.bgrx).max() <= 1


def test_a_stored_latent_of_another_shape_is_refused(engine: Engine) -> None:
    with pytest.raises(SceneError, match=r"space 'w' and shape \(3,\) does not fit 'toy0'"):
        engine.render([view(start=Start(StoredLatent("w", (3,), b"\0" * 12), 0.7))])


def test_not_finite_latents_are_refused(engine: Engine) -> None:
    data = np.full(10, np.nan, dtype="<f4").tobytes()
    with pytest.raises(SceneError, match="not finite"):
        engine.render([view(start=Start(StoredLatent("w", (10,), data), 0.7))])


def test_two_models_in_one_call(engine: Engine) -> None:
    first, second = engine.render([view(), view(model=ModelRef(path="toy1"))])
    assert not np.array_equal(first.bgrx, second.bgrx)


def test_unknown_things_are_named(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        engine.render([view(model=ModelRef(path="nowhere"))])
    with pytest.raises(ControlError, match="no control 'smile'"):
        engine.render([view(edits=(Edit("smile", 1.0),))])
    with pytest.raises(ControlError, match="magic"):
        engine.control_set(ModelRef(path="toy0"), ControlSetRef(method="magic"))


def test_a_failed_load_can_be_tried_again(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    folder.mkdir()
    (folder / "toy.txt").write_text("not a seed")
    with pytest.raises(ModelError, match="holds no seed"):
        engine.card(ModelRef(path="later"))
    (folder / "toy.txt").write_text("5")
    assert engine.card(ModelRef(path="later")).name == "later"


def test_a_set_from_a_file_moves_as_the_set_itself(engine: Engine, tmp_path: Path) -> None:
    found = engine.control_set(ModelRef(path="toy0"), RANDOM)
    control_sets.save(found, tmp_path / "set.safetensors")
    edit = (Edit(found.controls[0].card.name, 1.0),)
    kept = ControlSetRef(path=str(tmp_path / "set.safetensors"))
    left, right = engine.render([view(edits=edit), view(edits=edit, controls=kept)])
    np.testing.assert_array_equal(left.bgrx, right.bgrx)
    with pytest.raises(ControlError, match="another generator"):
        engine.render([view(model=ModelRef(path="toy1"), edits=edit, controls=kept)])


def test_slow_discoveries_are_kept_on_disk(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_store, "WORTH_KEEPING", -1.0)
    first = engine.control_set(ModelRef(path="toy0"), PCA)
    again = Engine(torch.device("cpu")).control_set(ModelRef(path="toy0"), PCA)
    assert again.card == first.card
    assert torch.equal(again.controls[0].direction, first.controls[0].direction)  # type: ignore[attr-defined]
