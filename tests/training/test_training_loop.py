"""The loop that every trainer shares: resume bit for bit, refuse what does not belong together, leave nothing half."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from mutations import mutations

from explorer import ending
from explorer.errors import Cancelled, ExplorerError
from explorer.training.base import Recipe, read_recipe
from explorer.training.data import Batch, source_of
from explorer.training.loop import _finite, _resume, batch_of, train, trainer_for
from explorer.training.vae import VaeTrainer

CPU = torch.device("cpu")
TOY = Recipe(
    name="toy",
    trainer="vae",
    data="shapes",
    steps=4,
    batch=4,
    seed=5,
    checkpoint_every=2,
    settings={"widths": [4, 4, 4, 4], "hidden": 8, "latents": 3, "evaluation": 20, "warm_up": 2},
)


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "straight"
    assert train(TOY, folder, CPU) == folder / "model"
    return folder


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_run_that_was_stopped_and_resumed_equals_a_straight_one(straight: Path, tmp_path: Path, stop: int) -> None:
    train(TOY, tmp_path, CPU, stop_after=stop)
    assert not (tmp_path / "model").exists()
    train(TOY, tmp_path, CPU)
    assert weights(tmp_path) == weights(straight)


def test_a_run_that_was_cancelled_resumes_from_its_last_checkpoint(straight: Path, tmp_path: Path) -> None:
    def cancel(done: int, steps: int, losses: dict[str, float], speed: float) -> None:
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(TOY, tmp_path, CPU, cancel)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".lock", "checkpoint.pt", "log.jsonl", "recipe.json", "samples.png",
    ]  # fmt: skip
    train(TOY, tmp_path, CPU)
    assert weights(tmp_path) == weights(straight)


SIGNALS = (signal.SIGINT, *ending.TOLD)


@pytest.fixture
def told() -> Iterator[None]:
    """As the command does it; afterwards signals are what they were."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    ending.raise_when_told()
    yield
    for number, action in before.items():
        signal.signal(number, action)
    ending._ended_by = 0


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("number", SIGNALS, ids=lambda one: one.name)
@pytest.mark.parametrize("place", ["in a step", "between steps"])
def test_a_run_that_is_ended_before_its_first_checkpoint_goes_on_from_there(
    number: signal.Signals, place: str, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = msgspec.structs.replace(TOY, checkpoint_every=500)
    steps: list[int] = []
    step = VaeTrainer.step

    def ended_in_its_midst(self: VaeTrainer, which: int, batch: Batch) -> dict[str, float]:
        steps.append(which)
        if place == "in a step" and which == 0:
            signal.raise_signal(number)
        return step(self, which, batch)

    def ended_between(done: int, *_: object) -> None:
        if place == "between steps" and done == 1:
            signal.raise_signal(number)

    with monkeypatch.context() as patched:
        patched.setattr(VaeTrainer, "step", ended_in_its_midst)
        with pytest.raises(KeyboardInterrupt):
            train(long, tmp_path, CPU, ended_between)
    assert steps == [0]  # the step at hand was finished, and no other begun
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 1
    assert ending.exit_code(0) == (0 if number == signal.SIGINT else 128 + number)
    train(long, tmp_path, CPU)
    assert weights(tmp_path) == weights(straight)


@pytest.mark.parametrize("error", [Cancelled, KeyboardInterrupt])
def test_a_run_that_its_watcher_ends_is_kept_too(error: type[BaseException], straight: Path, tmp_path: Path) -> None:
    long = msgspec.structs.replace(TOY, checkpoint_every=500)

    def leave(done: int, *_: object) -> None:
        if done == 3:
            raise error

    with pytest.raises(error):
        train(long, tmp_path, CPU, leave)
    train(long, tmp_path, CPU)
    assert weights(tmp_path) == weights(straight)


def test_a_second_signal_ends_a_step_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(self: VaeTrainer, which: int, batch: Batch) -> dict[str, float]:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the step went on")

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(VaeTrainer, "step", endless)
    with pytest.raises(KeyboardInterrupt):
        train(TOY, tmp_path, CPU)
    assert signal.getsignal(signal.SIGINT) is before
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_training_in_a_thread_leaves_signals_alone(straight: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(train, TOY, tmp_path, CPU, lambda *_: None).result()
    assert signal.getsignal(signal.SIGINT) is before
    assert weights(tmp_path) == weights(straight)


def test_two_runs_do_not_share_a_folder(straight: Path, tmp_path: Path) -> None:
    """And what a killed run left half written goes away."""
    (tmp_path / ".checkpoint-x1y2.pt").write_bytes(b"half")
    refused: list[str] = []

    def begin_another(done: int, steps: int, losses: dict[str, float], speed: float) -> None:
        with pytest.raises(ExplorerError) as caught:
            train(TOY, tmp_path, CPU)
        refused.append(str(caught.value))

    train(TOY, tmp_path, CPU, begin_another)
    assert len(refused) == TOY.steps
    assert "Another training is under way" in refused[0]
    assert weights(tmp_path) == weights(straight)
    assert not list(tmp_path.glob(".checkpoint-*"))


def test_a_finished_run_is_exported_again_unchanged(straight: Path) -> None:
    before = weights(straight)
    train(TOY, straight, CPU)
    assert weights(straight) == before


def test_another_seed_gives_other_weights(straight: Path, tmp_path: Path) -> None:
    train(msgspec.structs.replace(TOY, seed=6), tmp_path, CPU)
    assert weights(tmp_path) != weights(straight)


def test_progress_and_log_name_every_loss(tmp_path: Path) -> None:
    seen = []
    train(TOY, tmp_path, CPU, lambda done, steps, losses, speed: seen.append((done, steps, sorted(losses), speed > 0)))
    names = ["dimension_wise", "loss", "mutual_information", "reconstruction", "total_correlation"]
    assert seen == [(done, 4, names, True) for done in (1, 2, 3, 4)]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]


def test_a_folder_with_another_recipes_run_is_refused(tmp_path: Path) -> None:
    train(TOY, tmp_path, CPU, stop_after=1)
    with pytest.raises(ExplorerError, match=r"another recipe \(batch: 4, now 6\)"):
        train(msgspec.structs.replace(TOY, batch=6), tmp_path, CPU)


def test_a_recipe_with_wrong_settings_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    wrong = msgspec.structs.replace(TOY, settings={"widths": [4, 4]})
    with pytest.raises(ExplorerError, match="2 widths do not make 64 pixels"):
        train(wrong, tmp_path, CPU)
    with pytest.raises(ExplorerError, match="betta"):
        train(msgspec.structs.replace(TOY, settings={"betta": 1.0}), tmp_path, CPU)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    train(TOY, tmp_path, CPU, stop_after=1)
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    (tmp_path / "checkpoint.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ExplorerError, match=r"checkpoint\.pt' is damaged"):
        train(TOY, tmp_path, CPU)


def test_a_checkpoint_that_lacks_a_part_is_named_when_that_is_missed(tmp_path: Path) -> None:
    """Which the optimiser does in its next step, and not when it takes its state over."""
    train(TOY, tmp_path, CPU, stop_after=1)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    moments = next(iter(_optimiser_states(saved["trainer"])))
    del moments["exp_avg"]
    torch.save(saved, tmp_path / "checkpoint.pt")
    with pytest.raises(ExplorerError, match=r"checkpoint\.pt' is damaged"):
        train(TOY, tmp_path, CPU)


def test_a_checkpoint_of_tuples_that_share_themselves_is_looked_at_in_no_time() -> None:
    shared: tuple[object, ...] = (torch.ones(1),)
    for _ in range(60):
        shared = (shared, shared)
    assert _finite(shared)
    assert not _finite((shared, torch.tensor([float("nan")])))


def _optimiser_states(value: Any) -> Iterator[dict[str, Any]]:
    """The states of parameters that ``value`` holds, however deep."""
    if isinstance(value, dict):
        if "exp_avg" in value:
            yield value
        for inner in value.values():
            yield from _optimiser_states(inner)


def test_what_is_written_to_be_looked_at_costs_no_training(
    tmp_path: Path, straight: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the log nor the samples can be written: folders have their names."""
    for name in ("log.jsonl", "samples.png"):
        (tmp_path / name).mkdir()
    (tmp_path / "recipe.json").write_bytes((straight / "recipe.json").read_bytes())
    train(TOY, tmp_path, CPU)
    assert weights(tmp_path) == weights(straight)
    (record,) = caplog.records
    said = f"'{tmp_path / 'log.jsonl'}' cannot be written (Is a directory); the training goes on without."
    assert record.getMessage() == said


def test_a_damaged_checkpoint_is_a_sentence_and_stays(tmp_path: Path) -> None:
    """Whatever the damage: it is the user's, and is never thrown away; or it is read as it was."""
    train(TOY, tmp_path, CPU, stop_after=1)
    checkpoint = tmp_path / "checkpoint.pt"
    trainer = trainer_for(TOY, source_of(TOY), CPU)
    for damaged in mutations(checkpoint.read_bytes(), 60):
        checkpoint.write_bytes(damaged)
        with contextlib.suppress(ExplorerError):
            assert isinstance(_resume(trainer, checkpoint, CPU), int)
        assert checkpoint.read_bytes() == damaged


def test_a_diverged_run_stops_and_keeps_its_last_good_state(tmp_path: Path) -> None:
    broken = msgspec.structs.replace(TOY, settings={**TOY.settings, "learning_rate": 1e30})
    with pytest.raises(ExplorerError, match="diverged at step"):
        train(broken, tmp_path, CPU)
    assert not (tmp_path / "model").exists()


def test_batches_depend_on_seed_and_step_alone() -> None:
    source = source_of(TOY)
    images = batch_of(source, TOY, 3).images
    assert images.shape == (4, 3, 64, 64)
    assert images.min() >= -1
    assert images.max() <= 1
    assert torch.equal(images, batch_of(source, TOY, 3).images)
    assert not torch.equal(images, batch_of(source, TOY, 4).images)


def test_unknown_trainers_worlds_and_recipes_are_named(tmp_path: Path) -> None:
    with pytest.raises(ExplorerError, match=r"no trainer 'magic'; there are: .*vae"):
        train(msgspec.structs.replace(TOY, trainer="magic"), tmp_path, CPU)
    with pytest.raises(ExplorerError, match=r"no trainer 'base'"):
        train(msgspec.structs.replace(TOY, trainer="base"), tmp_path, CPU)
    with pytest.raises(ExplorerError, match=r"neither a world nor a folder 'atlantis'.* shapes"):
        train(msgspec.structs.replace(TOY, data="atlantis"), tmp_path, CPU)
    with pytest.raises(ExplorerError, match=r"no recipe 'cake', .*; there are: .*faces-flow.* and \d+ more"):
        read_recipe("cake")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name = ", "Invalid value"),
        ('name = "a"', "missing required field"),
        ('name = "a"\ntrainer = "vae"\ndata = "shapes"\nsteps = 0\nbatch = 4', "steps"),
        ('name = "a"\ntrainer = "vae"\ndata = "shapes"\nsteps = 1\nbatch = 4\ncolour = 1', "unknown field"),
    ],
)
def test_a_bad_recipe_is_refused_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(ExplorerError, match=reason):
        read_recipe(str(path))
