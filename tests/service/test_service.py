"""The window's end of the engine, with a real engine process: order, newest wins, deaths, jobs, memory."""

from __future__ import annotations

import os
import random
import shutil
import signal
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest
import torch
from service_desk import AXES, MODEL, Desk, view
from toys import trajectory

from explorer.controls.codebook import CodebookControl
from explorer.engine.engine import Engine
from explorer.export.options import ExportOptions, encode_options
from explorer.files import package_folder, state_folder
from explorer.scene.cards import WITHOUT_END
from explorer.scene.model import AmountKey, AmountTrack, ControlSetRef, ModelRef, Pane, Scene, Seed, Start, Timeline
from explorer.service import protocol, replies, requests
from explorer.service.client import ServiceClient
from explorer.service.frames import Ring
from explorer.service.replies import EngineLost, Frame


def as_array(frame: Frame, pixels: bytes) -> np.ndarray:
    return np.frombuffer(pixels, np.uint8).reshape(frame.height, frame.width, 4)


def moving(seconds: float) -> Scene:
    """A scene in which the first axis moves for ``seconds``."""
    track = AmountTrack(pane=0, control="z0", keys=(AmountKey(0.0, -2.0), AmountKey(seconds, 2.0)))
    timeline = Timeline(duration=seconds, loop="once", amounts=(track,))
    return Scene(model=MODEL, panes=(Pane(controls=AXES),), timeline=timeline)


def test_the_picture_is_the_engines(desk: Desk) -> None:
    shown = view(5, z1=1.5)
    frame, pixels = desk.picture(0, shown)
    here = Engine().render([shown])[0].bgrx
    assert np.abs(as_array(frame, pixels).astype(int) - here).max() <= 1
    assert frame.forward_ms > 0
    assert frame.engine_ms > frame.forward_ms + frame.convert_ms
    assert frame.batch == 1
    assert frame.engine_memory > 50e6


def test_it_says_what_there_is(desk: Desk) -> None:
    ready = desk.wait_for(replies.Ready)
    assert ready.version == protocol.PROTOCOL_VERSION
    assert ready.pid == desk.client.pid
    desk.client.send(requests.ListModels(request_id=1))
    assert "shapes-btcvae" in {card.name for card in desk.wait_for(replies.ModelList).models}
    desk.client.send(requests.ListMethods(request_id=2))
    assert "latent_axes" in {card.name for card in desk.wait_for(replies.MethodList).methods}
    desk.client.send(requests.OpenModel(request_id=3, model=MODEL))
    card = desk.wait_for(replies.ModelOpened).card
    assert card.size == (64, 64)
    assert "latent_axes" in card.methods
    desk.client.send(requests.FindControls(request_id=4, model=MODEL, controls=AXES))
    found = desk.wait_for(replies.ControlsFound)
    assert found.request_id == 4
    assert {control.space for control in found.card.controls} == {"z"}
    assert found.card.grows_to == WITHOUT_END
    chance = ControlSetRef(method="random_orthogonal", k=2)
    desk.client.send(requests.FindControls(request_id=5, model=MODEL, controls=chance))
    assert desk.wait_for(replies.ControlsFound).card.grows_to == 0  # a frame of three is another one


def test_it_says_where_the_sliders_of_a_codebook_stop(desk: Desk) -> None:
    quantised = ModelRef(path="shapes-qlae")
    for number, seed in enumerate((0, 1)):
        asked = requests.FindPlaces(request_id=number, model=quantised, controls=AXES, start=Start(Seed(seed)))
        desk.client.send(asked)
        places = desk.wait_for(replies.PlacesFound).places
        found = Engine().control_set(quantised, AXES)
        start = Engine().generator(quantised).sample([seed]).tensors["z"]
        assert set(places) == {control.card.name for control in found.controls}
        for name, place in places.items():
            control = found.control(name)
            assert isinstance(control, CodebookControl)
            reached = trajectory(control, start, torch.tensor(place.stops))[:, 0, control.axis]
            torch.testing.assert_close(reached, control.values.to(reached), atol=1e-4, rtol=0)
            assert (place.low, place.high) == (min(0.0, place.stops[0]), max(0.0, place.stops[-1]))
    desk.client.send(requests.FindPlaces(request_id=9, model=MODEL, controls=AXES, start=Start(Seed(0))))
    axes = desk.wait_for(replies.PlacesFound).places
    start = Engine().generator(MODEL).sample([0]).tensors["z"][0]
    assert axes["z3"].value == pytest.approx(float(start[3]))
    assert all(place.stops == () for place in axes.values())  # directions go on


def test_views_shown_together_are_one_batch(desk: Desk) -> None:
    desk.picture(0, view(0))  # the model is loaded now
    revisions = desk.client.show_all({number: view(number + 1) for number in range(6)})
    frames = [desk.wait_for(Frame, lambda one: one.revision in revisions.values()) for _ in revisions]
    assert {frame.batch for frame in frames} == {6}
    assert {frame.view_id: frame.revision for frame in frames} == revisions


def test_a_storm_of_events_ends_on_the_last_state_in_order(desk: Desk) -> None:
    """2,000 random events of two panes; what is overtaken is dropped, nothing arrives out of order, no slot is lost."""
    desk.picture(0, view(0))
    chance = random.Random(7)
    last: dict[int, int] = {}
    for _ in range(2000):
        pane = chance.randrange(2)
        last[pane] = desk.client.show(pane, view(0, z0=chance.uniform(-3, 3), z1=chance.uniform(-3, 3)))
        if chance.random() < 0.1:
            # Let the engine in now and then, as a hand does.
            os.sched_yield()
    seen: dict[int, list[int]] = {0: [], 1: []}
    while any(not seen[pane] or seen[pane][-1] != last[pane] for pane in last):
        frame = desk.wait_for(Frame)
        desk.client.discard(frame)
        seen[frame.view_id].append(frame.revision)
    for revisions in seen.values():
        assert revisions == sorted(set(revisions))
    assert desk.client.statistics.asked == 2001
    assert desk.client.statistics.dropped == 2001 - desk.client.statistics.drawn
    # Every slot came back: more pictures than there are slots still arrive.
    for number in range(80):
        desk.picture(0, view(number))


def test_memory_stays_flat(desk: Desk) -> None:
    """5,000 frames: the engine and this process end where they were after the first thousand, within 5 %."""
    frame, _ = desk.picture(0, view(0))
    engine = psutil.Process(desk.client.pid)
    here = psutil.Process()
    marks: list[tuple[int, int]] = []
    for number in range(5000):
        desk.picture(0, view(number % 700, z0=(number % 61) / 10 - 3))
        if number in (1500, 4999):
            marks.append((engine.memory_info().rss, here.memory_info().rss))
    for before, after in zip(*marks, strict=True):
        assert after < before * 1.05
    assert frame.width == 64


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_killed_engine_comes_back_with_the_same_picture(desk: Desk) -> None:
    shown = view(3, z2=1.0)
    _, before = desk.picture(0, shown)
    first = desk.client.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    lost = desk.wait_for(EngineLost)
    assert lost.restarting
    assert "signal 9" in lost.sentence
    frame = desk.wait_for(Frame)  # nobody asked again: the client did
    assert desk.client.pixels(frame) == before
    assert desk.client.pid != first


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_model_whose_file_is_cut_is_drawn_on_by_the_same_engine(desk: Desk, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(package_folder("models") / "shapes-btcvae", tmp_path / "model"))
    shown = msgspec.structs.replace(view(3), model=ModelRef(path=str(folder)))
    desk.picture(0, shown)
    process = desk.client.pid
    for file in folder.rglob("*"):
        if file.is_file():
            os.truncate(file, 0)
    frame, pixels = desk.picture(
        0, msgspec.structs.replace(shown, start=msgspec.structs.replace(shown.start, origin=Seed(4)))
    )
    expected, those = desk.picture(1, view(4))
    assert np.array_equal(as_array(frame, pixels), as_array(expected, those))
    assert desk.client.pid == process


def test_requests_of_a_dead_engine_are_refused_and_it_gives_up_in_the_end(desk: Desk) -> None:
    for death in range(4):
        ready = desk.wait_for(replies.Ready)
        os.kill(ready.pid, signal.SIGSTOP)  # so that it cannot answer first
        desk.client.send(requests.OpenModel(request_id=death, model=MODEL))
        os.kill(ready.pid, signal.SIGKILL)
        lost = desk.wait_for(EngineLost)
        refused = desk.wait_for(replies.Refused)
        assert refused.request_id == death
        assert refused.kind == "internal"
        assert lost.restarting is (death < 3)
    desk.client.restart()
    desk.picture(0, view(1))


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs POSIX signals")
def test_an_engine_that_hangs_does_not_block_the_window(desk: Desk) -> None:
    desk.picture(0, view(0))
    pid = desk.client.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        for number in range(20_000):
            revision = desk.client.show(0, view(number))
    finally:
        os.kill(pid, signal.SIGCONT)
    frame = desk.wait_for(Frame, lambda one: one.revision == revision)
    assert (
        np.abs(as_array(frame, desk.client.pixels(frame)).astype(int) - Engine().render([view(19_999)])[0].bgrx).max()
        <= 1
    )


def test_a_bad_view_says_so_and_the_others_are_drawn(desk: Desk) -> None:
    bad = view(0, smile=1.0)
    good = view(1)
    desk.client.show_all({0: bad, 1: good})
    frame = failed = None
    while frame is None or failed is None:
        reply = desk.replies.get(timeout=120)
        frame = reply if isinstance(reply, Frame) else frame
        failed = reply if isinstance(reply, replies.ViewFailed) else failed
    assert failed.view_id == 0
    assert "no control 'smile'" in failed.sentence
    assert frame.view_id == 1


def test_a_slider_that_is_moved_too_far_says_so_and_the_others_are_drawn(desk: Desk) -> None:
    desk.client.show_all({0: view(0, z3=1e38), 1: view(1)})
    frame = failed = None
    while frame is None or failed is None:
        reply = desk.replies.get(timeout=120)
        frame = reply if isinstance(reply, Frame) else frame
        failed = reply if isinstance(reply, replies.ViewFailed) else failed
    assert (failed.view_id, frame.view_id) == (0, 1)
    assert "nothing to see" in failed.sentence
    assert "'z3' at 1e+38" in failed.sentence


def test_a_foreign_file_is_refused_with_every_familys_reason(desk: Desk, tmp_path: Path) -> None:
    foreign = tmp_path / "notes.txt"
    foreign.write_text("not a model")
    desk.client.send(requests.OpenModel(request_id=9, model=ModelRef(path=str(foreign))))
    refused = desk.wait_for(replies.Refused)
    assert refused.kind == "input"
    assert "notes.txt" in refused.sentence
    assert {"vae", "stylegan2", "diffusion"} <= {verdict.family for verdict in refused.reasons}
    desk.picture(0, view(0))


def test_what_a_reader_stumbled_over_is_in_the_engine_s_log(tmp_path: Path) -> None:
    """Which is begun anew where it has become long; the one of before is kept."""
    log = state_folder() / "engine.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"an engine of before\n" * 60_000)
    (tmp_path / "model.pt").write_bytes(b"PK\x03\x04" + bytes(900))
    desk = Desk()
    desk.client.start()
    try:
        desk.client.send(requests.OpenModel(request_id=1, model=ModelRef(path=str(tmp_path / "model.pt"))))
        assert "model.pt" in desk.wait_for(replies.Refused).sentence
    finally:
        desk.client.close()
    said = log.read_text("utf-8")
    assert "could not be read as" in said
    assert "Traceback (most recent call last)" in said
    assert "an engine of before" not in said
    assert log.with_name("engine.log.1").stat().st_size == 1_200_000


def test_frames_larger_than_a_slot(desk: Desk) -> None:
    """The ring grows while frames of the old one are under way."""
    client = desk.client
    client.show(0, view(0))
    client.reserve(4 << 20)
    desk.picture(0, view(1))
    for number in range(80):
        desk.picture(1, view(number))


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="a signal of POSIX")
def test_a_closed_terminal_leaves_the_end_to_the_window(desk: Desk) -> None:
    """SIGHUP goes to the whole group, as Ctrl-C does; what the window is told ends the engine in order."""
    desk.picture(0, view(1))
    process = desk.client.pid
    assert process is not None
    for number in (signal.SIGHUP, signal.SIGINT):
        os.kill(process, number)
    desk.picture(0, view(2))
    assert desk.client.pid == process


def test_an_export_reports_and_can_be_cancelled(desk: Desk, tmp_path: Path) -> None:
    scene = moving(400.0)
    options = encode_options(ExportOptions(kind="mp4"))
    target = tmp_path / "long.mp4"
    desk.client.send(requests.ExportScene(request_id=1, scene=scene, path=str(target), options=options))
    desk.wait_for(replies.JobProgress, lambda report: 0 < report.share < 1)
    desk.client.send(requests.Cancel(request_id=1))
    desk.wait_for(replies.Stopped)
    assert list(tmp_path.iterdir()) == []
    desk.client.send(requests.ExportScene(request_id=2, scene=moving(0.5), path=str(target), options=options))
    done = desk.wait_for(replies.Exported)
    assert Path(done.path).stat().st_size > 0


def test_closing_during_an_export_leaves_nothing(tmp_path: Path) -> None:
    desk = Desk()
    desk.client.start()
    scene = moving(400.0)
    request = requests.ExportScene(
        request_id=1, scene=scene, path=str(tmp_path / "a.mp4"), options=encode_options(ExportOptions(kind="mp4"))
    )
    desk.client.send(request)
    desk.wait_for(replies.JobProgress, lambda report: report.share > 0)
    pid = desk.client.pid
    desk.client.close()
    assert list(tmp_path.iterdir()) == []
    assert pid is not None
    assert not psutil.pid_exists(pid)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_what_a_killed_engine_had_half_written_goes_when_the_next_one_is_there(desk: Desk, tmp_path: Path) -> None:
    options = encode_options(ExportOptions(kind="mp4"))
    export = requests.ExportScene(request_id=1, scene=moving(400.0), path=str(tmp_path / "a.mp4"), options=options)
    desk.client.send(export)
    desk.wait_for(replies.JobProgress, lambda report: report.share > 0)
    engine = desk.client.pid
    assert engine is not None
    assert list(tmp_path.iterdir())
    os.kill(engine, signal.SIGKILL)
    assert desk.wait_for(EngineLost).restarting
    assert desk.wait_for(replies.Refused).request_id == 1
    desk.picture(0, view(1))
    assert list(tmp_path.iterdir()) == []


def test_closing_removes_the_shared_memory() -> None:
    desk = Desk()
    desk.client.start()
    frame, _ = desk.picture(0, view(0))
    desk.client.close()
    with pytest.raises(FileNotFoundError):
        Ring.attach(frame.ring, 1, 1)


def test_a_client_closed_while_the_engine_starts() -> None:
    client = ServiceClient(lambda reply: None)
    client.start()
    client.close()
    assert client.pid is None


def test_controls_of_an_unknown_method_are_refused(desk: Desk) -> None:
    desk.client.send(requests.FindControls(request_id=5, model=MODEL, controls=ControlSetRef(method="magic")))
    assert "magic" in desk.wait_for(replies.Refused).sentence


def test_searches_wait_in_line_and_can_be_cancelled_there_and_at_work(desk: Desk) -> None:
    long = ControlSetRef(method="pca", k=3, settings=(("samples", 1_000_000),))
    desk.client.send(requests.FindControls(request_id=1, model=MODEL, controls=long))
    working = desk.wait_for(replies.JobProgress, lambda report: 0 < report.share < 1)
    assert working.title == f"Finding controls: PCA on {MODEL.path}"
    desk.client.send(requests.FindControls(request_id=2, model=MODEL, controls=ControlSetRef(method="sefa", k=2)))
    assert "SeFa reads" in desk.wait_for(replies.Refused).sentence  # what cannot be is said at once
    desk.client.send(requests.FindControls(request_id=3, model=MODEL, controls=ControlSetRef(method="voynov", k=2)))
    waiting = desk.wait_for(replies.JobProgress, lambda report: report.request_id == 3)
    assert (waiting.title, waiting.share) == (f"Waiting: Finding controls: Voynov-Babenko on {MODEL.path}", 0.0)
    # A quick one goes before both, though principal components are quick on most models, and were here first.
    desk.client.send(requests.FindControls(request_id=4, model=MODEL, controls=AXES))
    assert desk.wait_for(replies.ControlsFound).request_id == 4
    desk.client.send(requests.Cancel(request_id=3))
    assert desk.wait_for(replies.Stopped).request_id == 3
    desk.client.send(requests.Cancel(request_id=1))
    assert desk.wait_for(replies.Stopped).request_id == 1
