"""Control sets as the engine makes and keeps them: turns, previews, cancelling and going on, files that change."""

from __future__ import annotations

import errno
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from mutations import mutations
from onnx_files import save_linear
from small_disk import small_disk
from torch import Tensor, nn
from toys import ToyFamily

from explorer import keeping
from explorer.controls import control_set as control_sets
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery import base, helmholtz_flow, registry, trained
from explorer.discovery.helmholtz_flow import HelmholtzFlow
from explorer.discovery.random_orthogonal import RandomOrthogonal
from explorer.discovery.request import CheckedMethod, Request
from explorer.discovery.trained import learn
from explorer.engine import control_store, search_queue
from explorer.engine.engine import Engine
from explorer.errors import Cancelled, ControlError
from explorer.files import cache_folder
from explorer.generators import registry as generators
from explorer.generators.base import Generator, Progress
from explorer.reading import sha256_of
from explorer.scene.cards import ControlCard, MethodCard, SettingCard
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Scalar, Seed, Start, View

MODEL = ModelRef(path="toy0")
LONG, QUICK = ControlSetRef(method="climb", k=1), ControlSetRef(method="random_orthogonal", k=2)
STEPS = 12
PATIENCE = 60.0  # seconds: a limit for a hang, not a measurement


class Climb(CheckedMethod):
    """A trained method: one direction that grows by a step of gradient descent at a time; ``each`` sees every step."""

    card = MethodCard(
        name="climb",
        title="Climb",
        spaces=("w",),
        trained=True,
        paper="",
        settings=(SettingCard(name="file", title="File", default="", kind="file"),),
    )

    def __init__(self) -> None:
        self.each: Callable[[int], None] = lambda step: None
        self.steps: list[int] = []

    def refusal(self, model: object) -> str:
        return ""

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        width = generator.card.spaces["w"].shape[0]
        module = nn.Linear(width, 1, bias=False)
        nn.init.constant_(module.weight, 0.1)

        def shown() -> list[LinearControl]:
            return [LinearControl(ControlCard(name="up", space="w"), module.weight.detach()[0].clone())]

        def loss(step: int, source: torch.Generator) -> tuple[Tensor, dict[str, float]]:
            self.steps.append(step)
            self.each(step)
            return -(module.weight * torch.rand(1, width, generator=source)).sum(), {}

        learn(asked, [module], torch.optim.SGD(module.parameters(), 0.3), loss, STEPS, shown)
        return asked.found(shown())


class Reader(RandomOrthogonal):
    """A quick method whose seed stands in a file."""

    card = msgspec.structs.replace(
        RandomOrthogonal.card, name="reader", settings=(SettingCard(name="file", title="", default="", kind="file"),)
    )
    calls = 0

    def discover(
        self,
        generator: Generator,
        k: int,
        seed: int = 0,
        settings: Mapping[str, Scalar] | None = None,
        progress: Progress | None = None,
    ) -> ControlSet:
        type(self).calls += 1
        read = int(Path(str((settings or {})["file"])).read_text())
        return RandomOrthogonal().discover(generator, k, read, {}, progress)


@pytest.fixture
def climb(monkeypatch: pytest.MonkeyPatch) -> Climb:
    method = Climb()
    known = {**registry.methods(), "climb": method, "reader": Reader()}
    monkeypatch.setattr(registry, "methods", lambda: known)
    monkeypatch.setattr(base, "PREVIEW_EVERY", 0.0)
    return method


@pytest.fixture
def engine(climb: Climb, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Engine]:
    monkeypatch.setattr(generators, "families", lambda: {"toy": ToyFamily()})
    (tmp_path / "toy0").mkdir()
    (tmp_path / "toy0" / "toy.txt").write_text("0")
    monkeypatch.chdir(tmp_path)
    yield Engine(torch.device("cpu"))
    # A thread that a test has left behind would go on in the next one.
    limit = time.monotonic() + PATIENCE
    while any(thread.name == "search" for thread in threading.enumerate()) and time.monotonic() < limit:
        time.sleep(0.01)


def in_thread(work: Callable[[], object]) -> Callable[[], object]:
    """Start ``work``; what is returned waits for its result, or for the exception that ended it."""
    box: list[object] = []

    def run() -> None:
        try:
            box.append(work())
        except BaseException as error:  # noqa: BLE001
            box.append(error)

    thread = threading.Thread(target=run, name="search", daemon=True)
    thread.start()

    def result() -> object:
        thread.join(PATIENCE)
        return box[0]

    return result


def picture(engine: Engine, controls: ControlSetRef = LONG, name: str = "up", live: bool = True) -> np.ndarray:
    view = View(model=MODEL, start=Start(Seed(1)), controls=controls, edits=(Edit(name, 1.0),))
    return engine.render([view], live=live)[0].bgrx


def test_a_live_view_shows_what_has_been_found_so_far_and_then_what_was_found(engine: Engine, climb: Climb) -> None:
    pictures: list[np.ndarray] = []
    cards: list[str] = []

    def look(step: int) -> None:
        if step in (2, 5):
            pictures.extend([picture(engine), picture(engine)])

    climb.each = look
    watch = base.Watch(preview=lambda found: cards.append(found.note))
    found = engine.control_set(MODEL, LONG, watch)
    early, _, later, again = pictures
    assert not np.array_equal(early, later)
    np.testing.assert_array_equal(later, again)
    last = picture(engine)
    assert not np.array_equal(later, last)
    np.testing.assert_array_equal(last, picture(engine, live=False))
    assert set(cards) == {"Still searching."}
    assert len(cards) == STEPS
    assert found.note == ""


def test_what_is_only_shown_in_another_way_is_not_searched_anew(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[Mapping[str, Scalar]] = []
    search = HelmholtzFlow.search

    def counted(self: HelmholtzFlow, asked: Request, generator: Generator) -> ControlSet:
        searches.append(asked.settings)
        return search(self, asked, generator)

    monkeypatch.setattr(helmholtz_flow.HelmholtzFlow, "search", counted)

    def found(*more: tuple[str, Scalar], units: str = "native") -> ControlSet:
        settings = (*more, ("samples", 16), ("steps", 4))
        ref = ControlSetRef(method="helmholtz_flow", k=2, settings=settings, units=units)  # type: ignore[arg-type]
        return engine.control_set(MODEL, ref)

    sets = {part: found(("part", part)) for part in ("rotation", "gradient", "both")}
    assert [one.card.field.nature for one in found().controls if one.card.field] == ["both", "both"]
    assert len(searches) == 1
    assert searches[0]["part"] == "both"
    for part, one in sets.items():
        assert one.settings["part"] == part
        assert [control.card.field.nature for control in one.controls if control.card.field] == [part, part]
        plain = HelmholtzFlow().discover(engine.generator(MODEL), 2, 0, {"part": part, "samples": 16, "steps": 4})
        for control, other in zip(one.controls, plain.controls, strict=True):
            assert control.parameters() == other.parameters()
            assert all(torch.equal(tensor, other.tensors()[name]) for name, tensor in control.tensors().items())
    calls = len(searches)
    assert found(("part", "gradient"), units="effect").controls[0].card.unit != "σ"
    assert len(searches) == calls
    with pytest.raises(ControlError, match="'part' of Helmholtz flow is 'half'; it must be one of both, gradient"):
        found(("part", "half"))


def test_a_live_view_begins_no_long_search_and_waits_for_none(
    engine: Engine, climb: Climb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_store, "PATIENCE", 0.05)
    with pytest.raises(ControlError, match="have not been looked for yet"):
        picture(engine)
    said: list[str] = []

    def look(step: int) -> None:
        if step == 0:
            with pytest.raises(ControlError) as told:
                picture(engine)
            said.append(str(told.value))

    climb.each = look
    engine.control_set(MODEL, LONG)
    assert "still being looked for" in said[0]
    assert climb.steps == list(range(STEPS))
    # A quick one is found for the asking, and what is wrong with a question is said.
    name = engine.control_set(MODEL, QUICK).controls[0].card.name
    monkeypatch.setattr(control_store, "PATIENCE", PATIENCE)
    fresh = Engine(torch.device("cpu"))
    np.testing.assert_array_equal(picture(fresh, QUICK, name), picture(engine, QUICK, name))
    with pytest.raises(ControlError, match="11 controls were asked for"):
        picture(engine, ControlSetRef(method="random_orthogonal", k=11), name)


def test_a_cancelled_search_goes_on_where_it_was(engine: Engine, climb: Climb) -> None:
    whole = Engine(torch.device("cpu")).control_set(MODEL, LONG)
    climb.steps.clear()
    stopped = threading.Event()

    def stop(share: float) -> None:
        if stopped.is_set():
            raise Cancelled

    climb.each = lambda step: stopped.set() if step == 6 else None
    with pytest.raises(Cancelled):
        engine.control_set(MODEL, LONG, stop)
    (checkpoint,) = (cache_folder() / "searches").iterdir()
    with pytest.raises(ControlError, match="have not been looked for"):
        picture(engine)
    again = Engine(torch.device("cpu")).control_set(MODEL, LONG)
    assert climb.steps == list(range(STEPS))  # none twice
    assert not checkpoint.exists()
    assert torch.equal(again.controls[0].direction, whole.controls[0].direction)  # type: ignore[attr-defined]


def test_two_who_ask_for_one_set_wait_for_one_search(engine: Engine, climb: Climb) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(step: int) -> None:
        begun.set()
        assert go_on.wait(PATIENCE)

    climb.each = wait
    first = in_thread(lambda: engine.control_set(MODEL, LONG))
    assert begun.wait(PATIENCE)
    shares: list[float] = []
    second = in_thread(lambda: engine.control_set(MODEL, LONG, shares.append))
    while len(next(iter(engine._controls._searches.values())).askers) < 2:
        time.sleep(0.001)
    go_on.set()
    assert first() is second()
    assert climb.steps == list(range(STEPS))
    assert shares[-1] == 1.0


def test_searches_take_turns_and_quick_ones_go_first(engine: Engine, climb: Climb) -> None:
    order: list[str] = []
    others: list[Callable[[], object]] = []
    waited: list[int] = []

    def each(step: int) -> None:
        order.append(f"{len(climb.steps)}")
        if len(climb.steps) == 3:
            more = msgspec.structs.replace(LONG, seed=1)
            others.append(in_thread(lambda: engine.control_set(MODEL, more, waiting=lambda: waited.append(1))))
            while not waited:
                time.sleep(0.001)
            others.append(in_thread(lambda: engine.control_set(MODEL, QUICK, lambda share: order.append("quick"))))
            while len(engine._controls.queue._line) < 2:
                time.sleep(0.001)

    climb.each = each
    engine.control_set(MODEL, LONG)
    assert order.index("quick") in (3, 4)
    assert climb.steps[:STEPS] == list(range(STEPS))  # the other long one has not begun
    for other in others:
        other()
    assert climb.steps == [*range(STEPS), *range(STEPS)]


def test_one_that_waits_can_be_cancelled(engine: Engine, climb: Climb) -> None:
    other: list[Callable[[], object]] = []

    def give_up() -> None:
        raise Cancelled

    def each(step: int) -> None:
        if step == 2:
            more = msgspec.structs.replace(LONG, seed=1)
            other.append(in_thread(lambda: engine.control_set(MODEL, more, waiting=give_up)))
            assert isinstance(other[0](), Cancelled)

    climb.each = each
    engine.control_set(MODEL, LONG)
    assert climb.steps == list(range(STEPS))


def test_another_content_of_a_named_file_is_another_question(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_store, "WORTH_KEEPING", -1.0)
    file = tmp_path / "seed.txt"
    asked = ControlSetRef(method="reader", k=2, settings=(("file", str(file)),))
    directions = []
    for turn, (content, calls) in enumerate((("1", 1), ("1", 1), ("2", 2), ("1", 2))):
        if turn == 0:
            Reader.calls = 0
        file.write_text(content)
        found = (engine if turn % 2 else Engine(torch.device("cpu"))).control_set(MODEL, asked)
        directions.append(found.controls[0].direction)  # type: ignore[attr-defined]
        assert Reader.calls == calls
    assert torch.equal(directions[0], directions[1])
    assert not torch.equal(directions[0], directions[2])
    assert torch.equal(directions[0], directions[3])
    # The same engine sees the change too.
    file.write_text("2")
    assert torch.equal(engine.control_set(MODEL, asked).controls[0].direction, directions[2])  # type: ignore[attr-defined]


def test_another_version_of_the_program_searches_anew(
    engine: Engine, climb: Climb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an older one kept may have been found otherwise."""
    monkeypatch.setattr(control_store, "WORTH_KEEPING", -1.0)
    engine.control_set(MODEL, LONG)
    Engine(torch.device("cpu")).control_set(MODEL, LONG)
    assert climb.steps == list(range(STEPS))  # the second engine read the file
    monkeypatch.setattr(control_store, "__version__", "999.0")
    Engine(torch.device("cpu")).control_set(MODEL, LONG)
    assert climb.steps == [*range(STEPS), *range(STEPS)]


def test_every_part_of_a_question_is_part_of_the_name_of_its_file() -> None:
    other_controls = [
        msgspec.structs.replace(LONG, **change)
        for change in ({"k": 2}, {"seed": 1}, {"settings": (("a", 1),)}, {"units": "effect"}, {"without": ("b",)})
    ]
    names = [control_store._kept_at(("f", controls), "") for controls in (LONG, *other_controls)]
    names += [control_store._kept_at(("g", LONG), ""), control_store._kept_at(("f", LONG), "file")]
    assert len(set(names)) == len(names)
    assert control_store._kept_at(("f", LONG), "") == names[0]


def test_what_lies_beside_a_classifier_is_part_of_the_question(engine: Engine, tmp_path: Path) -> None:
    """Names, range and normalisation of an ONNX graph stand in a file of their own, and decide what is learned."""
    weights = tmp_path / "own.safetensors"
    for name in ("smile.onnx", "hair.onnx"):
        save_linear(
            tmp_path / name,
            save_as_external_data=True,
            location=f"{name}_data",
            size_threshold=0,
            convert_attribute=False,
        )
        (tmp_path / f"{name}_data").unlink()
    weights.write_text("1")
    asked = ControlSetRef(
        method="interfacegan", k=1, settings=(("attributes", f"faces + {tmp_path / 'smile.onnx'}, hair.onnx"),)
    )
    seen = [control_store.digest_of_files(asked)]
    assert control_store.digest_of_files(asked) == seen[0]
    for beside in ("smile.json", "smile.onnx_data", "hair.json"):
        (tmp_path / beside).write_text("{}")
        seen.append(control_store.digest_of_files(asked))
    (tmp_path / "smile.json").write_text('{"range": [-1, 1]}')
    seen.append(control_store.digest_of_files(asked))
    (tmp_path / "smile.json").unlink()
    seen.append(control_store.digest_of_files(asked))
    assert len(set(seen)) == len(seen) == 6
    weights.write_text("2")  # not named
    assert control_store.digest_of_files(asked) == seen[-1]
    for nothing in ("", "faces", "known_factors"):
        ref = msgspec.structs.replace(asked, settings=(("attributes", nothing),))
        assert control_store.digest_of_files(ref) == ""


def test_derived_sets_are_made_of_the_plain_one_and_kept(
    engine: Engine, climb: Climb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_store, "WORTH_KEEPING", -1.0)
    effect = msgspec.structs.replace(LONG, units="effect", tau=0.03)
    seen: list[np.ndarray] = []
    climb.each = lambda step: seen.append(picture(engine, effect)) if step == 3 else None
    shares: list[float] = []
    made = engine.control_set(MODEL, effect, shares.append)
    assert climb.steps == list(range(STEPS))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    (card,) = made.card.controls
    assert (card.name, card.unit) == ("up", "τ")
    assert not np.array_equal(picture(engine, effect), seen[0])  # a preview, in the method's own units
    # The plain set is at hand now, and another engine finds both on the disk.
    other = Engine(torch.device("cpu"))
    like = msgspec.structs.replace(effect, like=LONG, k=1)
    engine.control_set(MODEL, LONG)
    assert other.control_set(MODEL, effect).card == made.card
    (matched,) = other.control_set(MODEL, like).card.controls
    assert "most like 'up' of Climb: cosine 1.00" in matched.details[-1]
    assert climb.steps == list(range(STEPS))
    # Another tau changes nothing in the method's own units.
    assert (
        engine.control_set(MODEL, msgspec.structs.replace(LONG, tau=0.2)).card == engine.control_set(MODEL, LONG).card
    )


def test_direction_files_of_other_programs_open_as_sets_do(engine: Engine, tmp_path: Path) -> None:
    directions = np.eye(10, dtype=np.float32)[:3]
    np.save(tmp_path / "found.npy", directions)
    ref = ControlSetRef(path=str(tmp_path / "found.npy"), settings=(("space", "w"),))
    found = engine.control_set(MODEL, ref)
    assert [one.card.space for one in found.controls] == ["w"] * 3
    moved = found.controls[1].move(torch.zeros(1, 10), torch.ones(1))[0]
    np.testing.assert_allclose(moved, directions[1])
    # Named with its digest, it is this content and no other, whatever the file holds later.
    pinned = msgspec.structs.replace(ref, digest=sha256_of(tmp_path / "found.npy"))
    assert len(engine.control_set(MODEL, pinned).controls) == 3
    np.save(tmp_path / "found.npy", directions[:2])
    assert len(engine.control_set(MODEL, ref).controls) == 2
    assert len(engine.control_set(MODEL, pinned).controls) == 3
    assert engine.digest_of(MODEL, pinned) == pinned.digest
    assert engine.digest_of(MODEL, ref) == sha256_of(tmp_path / "found.npy")
    with pytest.raises(ControlError, match="has changed since it was chosen"):
        Engine(torch.device("cpu")).control_set(MODEL, pinned)


def test_a_control_set_is_nothing_to_its_file(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    control_sets.save(engine.control_set(MODEL, ControlSetRef(method="random_orthogonal", k=2)), path)
    found = control_sets.load(path)
    before = found.controls[0].direction.clone()  # type: ignore[attr-defined]
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\x3f" * (path.stat().st_size // 2))
    assert torch.equal(found.controls[0].direction, before)  # type: ignore[attr-defined]
    with path.open("r+b") as file:
        file.truncate(0)
    assert torch.equal(found.controls[0].direction, before)  # type: ignore[attr-defined]


def test_a_set_of_files_that_changed_meanwhile_is_not_kept_under_their_old_digest(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_store, "WORTH_KEEPING", -1.0)
    path = tmp_path / "own.safetensors"
    source = ControlSetRef(method="random_orthogonal", k=2)
    control_sets.save(engine.control_set(MODEL, source), path)
    asked = ControlSetRef(path=str(path), units="effect", tau=0.03)
    derived = control_store.ControlStore._derived
    kept: list[Path] = []

    def and_then_changed(self: object, *arguments: object) -> object:
        found = derived(self, *arguments)  # type: ignore[arg-type]
        control_sets.save(engine.control_set(MODEL, msgspec.structs.replace(source, seed=1)), path)
        kept.extend((cache_folder() / "controls").iterdir())
        return found

    with monkeypatch.context() as patched:
        patched.setattr(control_store.ControlStore, "_derived", and_then_changed)
        engine.control_set(MODEL, asked)
    assert set((cache_folder() / "controls").iterdir()) == set(kept)
    engine.control_set(MODEL, asked)
    assert len(list((cache_folder() / "controls").iterdir())) == len(kept) + 1


def test_a_search_goes_on_until_the_last_who_asked_for_it_has_left(engine: Engine, climb: Climb) -> None:
    left, joined = threading.Event(), threading.Event()
    shares: list[float] = []

    def leave(share: float) -> None:
        if left.is_set():
            raise Cancelled

    def each(step: int) -> None:
        if step == 3:
            assert joined.wait(PATIENCE)
            left.set()
        if step == 6:  # who has left knows it before the search ends
            assert isinstance(first(), Cancelled)

    climb.each = each
    first = in_thread(lambda: engine.control_set(MODEL, LONG, leave))
    while not climb.steps:
        time.sleep(0.001)
    second = in_thread(lambda: engine.control_set(MODEL, LONG, shares.append))
    while len(next(iter(engine._controls._searches.values())).askers) < 2:
        time.sleep(0.001)
    joined.set()
    assert second() is engine.control_set(MODEL, LONG)
    assert climb.steps == list(range(STEPS))
    assert shares[-1] == 1.0


def test_a_quick_search_that_takes_long_hands_the_device_to_others(
    engine: Engine, climb: Climb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As principal components of a diffusion model do, of which every picture takes seconds."""
    monkeypatch.setattr(search_queue, "BRIEF", 0.0)
    monkeypatch.setattr(climb, "card", msgspec.structs.replace(climb.card, trained=False))
    order: list[str] = []
    others: list[Callable[[], object]] = []

    def each(step: int) -> None:
        order.append(str(step))
        if step == 3:
            others.append(in_thread(lambda: engine.control_set(MODEL, QUICK, lambda share: order.append("quick"))))
            while not engine._controls.queue._line:
                time.sleep(0.001)

    climb.each = each
    engine.control_set(MODEL, LONG)
    others[0]()
    assert order.index("quick") in (4, 5)
    assert climb.steps == list(range(STEPS))


def test_a_search_that_gave_way_can_be_left_meanwhile(engine: Engine, climb: Climb) -> None:
    """It hears of it in the line, and does not take the device from the one that has it."""
    queue = engine._controls.queue
    quick, done = threading.Event(), threading.Event()

    def leave() -> None:
        raise Cancelled

    def hold() -> None:
        with queue.turn(True):
            quick.set()
            assert done.wait(PATIENCE)

    holder: list[Callable[[], object]] = []

    def each(step: int) -> None:
        if step == 2:
            holder.append(in_thread(hold))
            while not queue._line:
                time.sleep(0.001)

    climb.each = each
    with pytest.raises(Cancelled):
        engine.control_set(MODEL, LONG, waiting=leave)
    assert quick.is_set()
    assert queue._holder is not None
    done.set()
    assert holder[0]() is None
    assert queue._holder is None
    climb.each = lambda step: None
    engine.control_set(MODEL, LONG)
    assert climb.steps == list(range(STEPS))  # none twice


def test_an_interrupt_at_the_keyboard_keeps_what_the_search_had(
    engine: Engine, climb: Climb, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, left = threading.Event(), threading.Event()
    waiting = control_store.wait

    def interrupted(futures: list[object], timeout: float | None = None) -> object:
        if timeout is not None and reached.wait(PATIENCE):
            raise KeyboardInterrupt
        left.set()  # it waits for what the search puts away
        return waiting(futures, timeout)  # type: ignore[arg-type]

    def each(step: int) -> None:
        if step == 4:
            reached.set()
            assert left.wait(PATIENCE)

    monkeypatch.setattr(control_store, "wait", interrupted)
    climb.each = each
    with pytest.raises(KeyboardInterrupt):
        engine.control_set(MODEL, LONG)
    assert 5 <= len(climb.steps) < STEPS


def test_a_home_that_cannot_be_written_costs_no_search(
    engine: Engine, climb: Climb, file_for_home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the checkpoints on the way, nor the end that removes them, nor keeping what was found."""
    monkeypatch.setattr(trained, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(control_store, "WORTH_KEEPING", 0.0)
    assert [control.card.name for control in engine.control_set(MODEL, LONG).controls] == ["up"]
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"'{file_for_home / 'cache' / 'searches'}' cannot be written (Not a directory)")


def test_a_full_disk_costs_no_search(
    engine: Engine, climb: Climb, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trained, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(control_store, "WORTH_KEEPING", 0.0)
    with small_disk():
        assert len(engine.control_set(MODEL, LONG).controls) == 1
    assert len(caplog.records) == 1
    assert [path for path in cache_folder().rglob("*") if path.is_file()] == []


def _direction(found: ControlSet) -> Tensor:
    return found.controls[0].tensors()["direction"]


def test_a_kept_set_that_is_damaged_is_looked_for_again(
    engine: Engine, climb: Climb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the damage: what is shown is what a search finds, and the file is whole again."""
    monkeypatch.setattr(control_store, "WORTH_KEEPING", 0.0)
    found = engine.control_set(MODEL, LONG)
    (kept,) = (cache_folder() / "controls").iterdir()
    whole = kept.read_bytes()
    for damaged in mutations(whole, 200):
        kept.write_bytes(damaged)
        climb.steps.clear()
        again = Engine(torch.device("cpu")).control_set(MODEL, LONG)
        assert climb.steps == [*range(STEPS)]
        assert torch.equal(_direction(again), _direction(found))
        assert keeping.kept(kept, lambda data: control_sets.decode(data, kept)) is not None


def test_a_kept_set_of_another_model_or_with_numbers_that_are_none_is_looked_for_again(
    engine: Engine, climb: Climb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even under a seal that holds: a program of before may have written it."""
    monkeypatch.setattr(control_store, "WORTH_KEEPING", 0.0)
    found = engine.control_set(MODEL, LONG)
    (kept,) = (cache_folder() / "controls").iterdir()
    nan = control_sets.encode(found)
    numbers = _direction(found).numpy().tobytes()
    assert numbers in nan
    strange = nan.replace(numbers, numbers[:-4] + struct.pack("<f", float("nan")))
    for content in (control_sets.encode(replace(found, fingerprint="f00d")), strange):
        keeping.keep(kept, content)
        again = Engine(torch.device("cpu")).control_set(MODEL, LONG)
        assert torch.equal(_direction(again), _direction(found))
        assert keeping.kept(kept, lambda data: control_sets.decode(data, kept)) is not None


def test_a_damaged_kept_set_in_a_home_that_is_read_only_is_looked_for_each_time(
    engine: Engine, climb: Climb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_store, "WORTH_KEEPING", 0.0)
    found = engine.control_set(MODEL, LONG)
    (kept,) = (cache_folder() / "controls").iterdir()
    kept.write_bytes(b"damaged")

    def read_only(path: Path, *rest: object, **more: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "unlink", read_only)
    monkeypatch.setattr(keeping, "atomic_write", read_only)
    for _ in range(2):
        assert torch.equal(_direction(Engine(torch.device("cpu")).control_set(MODEL, LONG)), _direction(found))
    assert kept.read_bytes() == b"damaged"
