"""The connection of the window with its engine: what cannot be sent or understood, and who outlives whom."""

from __future__ import annotations

import os
import queue
import resource
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from service_desk import MODEL, PATIENCE, Desk, view

from explorer.errors import ExplorerError
from explorer.scene.model import ModelRef
from explorer.service import channel, frames, protocol, replies, requests
from explorer.service.channel import GarbledError
from explorer.service.frames import Ring
from explorer.service.protocol import UnsendableError
from explorer.service.replies import EngineLost, Frame, Refused, ViewFailed
from explorer.service.rings import Rings
from explorer.service.server import Server

NAME = os.fsdecode(b"caf\xe9.pt")  # as Latin-1 writes it
FOREIGN = ModelRef(path=f"/models/{NAME}")


def dead(process: int) -> bool:
    """Whether it has ended, be it that nobody has asked after it."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_dead(process: int) -> None:
    limit = time.monotonic() + PATIENCE
    while not dead(process):
        assert time.monotonic() < limit, f"process {process} lives on"
        time.sleep(0.05)


# --- what cannot be sent -------------------------------------------------------------------------------------------


def test_a_name_that_is_not_utf_8_is_refused_before_it_is_sent_and_the_rest_goes_on(desk: Desk) -> None:
    engine = desk.wait_for(replies.Ready).pid
    desk.client.send(requests.OpenModel(request_id=1, model=FOREIGN))
    desk.client.send(requests.OpenModel(request_id=2, model=MODEL))
    answers = [desk.replies.get(timeout=PATIENCE) for _ in range(2)]
    refused = next(one for one in answers if isinstance(one, Refused))
    assert refused.request_id == 1
    assert "caf�.pt' cannot be used: the name is not UTF-8" in refused.sentence
    assert any(isinstance(one, replies.ModelOpened | replies.JobProgress) for one in answers)
    desk.picture(0, view(1))
    assert desk.client.pid == engine


def test_of_views_that_go_together_the_one_that_cannot_be_sent_has_failed(desk: Desk) -> None:
    foreign = msgspec.structs.replace(view(1), model=FOREIGN)
    revisions = desk.client.show_all({0: foreign, 1: view(2)})
    failed = desk.wait_for(ViewFailed)
    assert (failed.view_id, failed.revision) == (0, revisions[0])
    assert "not UTF-8" in failed.sentence
    assert desk.wait_for(Frame).view_id == 1


@given(st.text(st.characters(codec="utf-8"), max_size=9), st.text(st.characters(categories=["Cs"]), min_size=1))
def test_every_text_is_sent_or_refused_in_a_sentence_that_can_be_sent(text: str, surrogates: str) -> None:
    for path in (text, text + surrogates):
        request = requests.OpenModel(request_id=1, model=ModelRef(path=path))
        try:
            assert protocol.decode_request(protocol.encode(request)) == request
        except UnsendableError as error:
            refused = Refused(request_id=1, sentence=str(error))
            assert protocol.decode_reply(protocol.encode(refused)) == refused
            assert path != text


def test_what_is_too_long_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LONGEST", 1 << 20)
    picture = requests.InvertPicture(request_id=1, model=MODEL, name="a", data=bytes(1 << 20))
    with pytest.raises(UnsendableError, match="1 MiB at once at most"):
        protocol.encode(picture)


def test_a_number_that_fits_no_message_is_refused() -> None:
    with pytest.raises(UnsendableError, match="cannot be asked for"):
        protocol.encode(requests.Cancel(request_id=1 << 80))


def test_an_answer_that_cannot_be_sent_is_a_refusal(ends: tuple[Connection, Server]) -> None:
    ours, server = ends
    server._free.clear()
    made = frame()
    for reply, expected in (
        (replies.Exported(request_id=4, path=NAME, seconds=0), Refused),
        (ViewFailed(view_id=3, revision=5, sentence=f"'{NAME}' is damaged."), ViewFailed),
        (replies.Frames(frames=(msgspec.structs.replace(made, ring=NAME),)), ViewFailed),
    ):
        server.send(reply)
        told = protocol.decode_reply(ours.recv_bytes())
        assert isinstance(told, expected)
        assert "not UTF-8" in told.sentence  # type: ignore[union-attr]
    assert list(server._free) == [made.slot]


# --- what cannot be understood -------------------------------------------------------------------------------------


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Server]]:
    """The window's end, and a server that is not running."""
    ours, theirs = Pipe()
    with ours, theirs:
        yield ours, Server(theirs)


def frame() -> Frame:
    return Frame(
        view_id=3, revision=5, slot=6, ring="", asked=0, width=1, height=1, waited_ms=0, forward_ms=0, convert_ms=0,
        engine_ms=0, batch=1, device_memory=0, engine_memory=0, steps=0,
    )  # fmt: skip


@given(st.binary(max_size=64))
def test_bytes_are_a_message_or_garbled(data: bytes) -> None:
    for decode in (protocol.decode_request, protocol.decode_reply):
        try:
            message = decode(data)
        except GarbledError:
            continue
        assert decode(protocol.encode(message)) == message


@pytest.mark.parametrize("data", [b"\xff" * 64, b"\x91" * 100_000], ids=["no msgpack", "nested"])
def test_what_is_no_message_ends_the_engine_and_another_one_draws(desk: Desk, data: bytes) -> None:
    _, before = desk.picture(0, view(3))
    first = desk.client.pid
    assert first is not None
    engine = desk.client._engine
    assert engine is not None
    engine.connection.send_bytes(data)
    lost = desk.wait_for(EngineLost)
    assert lost.restarting
    assert "are no message" in lost.sentence
    assert dead(first)
    assert desk.client.pixels(desk.wait_for(Frame)) == before


def test_a_message_that_announces_more_than_any_has_is_not_waited_for(desk: Desk) -> None:
    desk.wait_for(replies.Ready)
    engine = desk.client._engine
    assert engine is not None
    os.write(engine.connection.fileno(), struct.pack("!iQ", -1, 1 << 40))
    assert "bytes are announced" in desk.wait_for(EngineLost).sentence


def test_both_ends_refuse_to_read_what_is_too_long() -> None:
    ours, theirs = Pipe()
    with ours, theirs:
        os.write(ours.fileno(), struct.pack("!iQ", -1, channel.LONGEST + 1))
        with pytest.raises(GarbledError):
            channel.receive(theirs)


def test_a_window_that_cannot_take_an_answer_starts_another_engine() -> None:
    heard: queue.Queue[object] = queue.Queue()
    spoilt = threading.Event()

    def hear(reply: object) -> None:
        heard.put(reply)
        if isinstance(reply, replies.Ready) and not spoilt.is_set():
            spoilt.set()
            raise RuntimeError("the window is not in the mood")

    from explorer.service.client import ServiceClient

    client = ServiceClient(hear)
    client.start()
    try:
        kinds = [heard.get(timeout=PATIENCE) for _ in range(3)]
        assert [type(one) for one in kinds] == [replies.Ready, EngineLost, replies.Ready]
        assert "not in the mood" in kinds[1].sentence  # type: ignore[attr-defined]
    finally:
        client.close()


# --- memory --------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[True, False], ids=["anonymous", "named"])
def kind_of_memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both kinds, of which a system uses one."""
    if request.param and not frames.ANONYMOUS:
        pytest.skip("this system has no memory without a name")
    monkeypatch.setattr(frames, "ANONYMOUS", request.param)


@pytest.mark.usefixtures("kind_of_memory")
def test_what_one_process_paints_the_other_reads_and_nothing_stays() -> None:
    made = Ring.create(4, 4096)
    attached = Ring.attach(made.name, 4, 4096)
    attached.write(2, memoryview(bytes(range(256))))
    attached.write(3, memoryview(bytes(4096)))
    assert made.read(2, 256) == bytes(range(256))
    with pytest.raises(ValueError, match="does not fit a slot"):
        attached.write(0, memoryview(bytes(4097)))
    attached.close()
    made.close()
    with pytest.raises(ValueError, match="closed"):
        made.read(2, 1)
    made.close()  # once more is nothing
    with pytest.raises(FileNotFoundError):
        Ring.attach(made.name, 4, 4096)


@pytest.mark.skipif(not frames.ANONYMOUS, reason="memory without a name is Linux's")
def test_pictures_lie_in_memory_that_has_no_name_and_goes_with_its_processes(desk: Desk) -> None:
    desk.picture(0, view(0))
    maps = Path(f"/proc/{desk.client.pid}/maps").read_text()
    assert "memfd:latent-explorer (deleted)" in maps
    assert "/dev/shm/" not in maps


@pytest.mark.skipif(not frames.ANONYMOUS, reason="memory without a name is Linux's")
def test_a_picture_for_which_there_is_no_memory_has_failed_and_the_engine_lives(desk: Desk) -> None:
    desk.picture(0, view(0))
    engine, ring = desk.client.pid, desk.client._rings.current
    assert engine is not None
    assert ring is not None
    os.truncate(ring.name, ring.slot_bytes)  # so that the next slot takes memory that may not be had
    usual = resource.prlimit(engine, resource.RLIMIT_FSIZE)
    resource.prlimit(engine, resource.RLIMIT_FSIZE, (0, usual[1]))
    desk.client.show(0, view(1))
    failed = desk.wait_for(ViewFailed)
    assert "no memory left for it (File too large)" in failed.sentence
    resource.prlimit(engine, resource.RLIMIT_FSIZE, usual)
    desk.picture(0, view(2))
    assert desk.client.pid == engine


def test_a_ring_that_cannot_grow_is_said_and_the_old_one_is_used_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.picture(0, view(0))
    with monkeypatch.context() as full:
        full.setattr(Ring, "create", lambda slots, slot_bytes: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(ExplorerError, match="There is no memory in which pictures"):
            desk.client.reserve(4 << 20)
    desk.picture(0, view(1))
    desk.client.reserve(4 << 20)  # asked for again it is made
    desk.picture(0, view(2))
    assert desk.client._rings.current is not None
    assert desk.client._rings.current.slot_bytes == 4 << 20


def test_an_old_ring_stays_until_its_last_frame_has_been_read() -> None:
    rings = Rings()
    old = rings.renew(2, 64)
    late = msgspec.structs.replace(frame(), ring=old.name, slot=1, width=4, height=4)
    rings.came(late)
    old.write(1, memoryview(bytes(range(64))))
    new = rings.renew(2, 64)
    assert rings.read(late) == bytes(range(64))
    assert not rings.release(late)  # nobody paints there any more
    with pytest.raises(ValueError, match="closed"):
        old.read(1, 1)
    assert rings.current is new
    rings.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux lists them")
def test_engines_that_die_leave_no_memory_no_files_and_no_processes(desk: Desk) -> None:
    desk.picture(0, view(1))
    files, processes = len(os.listdir("/proc/self/fd")), len(psutil.Process().children())
    for number in range(2):
        engine = desk.client.pid
        assert engine is not None
        os.kill(engine, signal.SIGKILL)
        desk.wait_for(EngineLost)
        desk.client.pixels(desk.wait_for(Frame))
        desk.picture(0, view(number))
        assert not psutil.pid_exists(engine)
    assert len(os.listdir("/proc/self/fd")) <= files
    assert len(psutil.Process().children()) == processes


# --- who outlives whom ---------------------------------------------------------------------------------------------

WINDOW = """
import sys, time
sys.path[:0] = {paths!r}
from service_desk import Desk, view
from explorer.service import replies
desk = Desk()
desk.client.start()
{wait}
print(desk.client.pid, flush=True)
time.sleep(600)
"""
EARLY = "while desk.client.pid is None: time.sleep(0.001)"
LATE = "desk.picture(0, view(1))"
HELD = "import re; re.match('(a*)*b', 'a' * 64)"  # years of work, in which no other thread gets to run


def killed_window(wait: str, **environment: str) -> int:
    """The engine's number of a window that is killed as soon as ``wait`` is over."""
    paths = [str(Path(__file__).parents[1])]
    window = subprocess.Popen(
        [sys.executable, "-c", WINDOW.format(paths=paths, wait=wait)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    with window:
        assert window.stdout is not None
        engine = int(window.stdout.readline())
        window.kill()
    return engine


@pytest.mark.parametrize("wait", [EARLY, LATE], ids=["starting", "drawing"])
def test_an_engine_whose_window_is_killed_ends(wait: str) -> None:
    wait_until_dead(killed_window(wait))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
@pytest.mark.parametrize("source", [HELD, "import time; time.sleep(600)"], ids=["holds the interpreter", "waits"])
def test_an_engine_that_cannot_notice_ends_all_the_same(tmp_path: Path, source: str) -> None:
    """It stands where torch is imported; Python is not asked."""
    (tmp_path / "torch.py").write_text(source)
    paths = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
    wait_until_dead(killed_window(f"{EARLY}; time.sleep(3)", PYTHONPATH=paths))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
@pytest.mark.parametrize("tidies", [False, True])
def test_a_process_ends_with_its_parent(tidies: bool) -> None:
    child = f"from explorer import ending; ending.end_with_parent({tidies}); print('up', flush=True); {HELD}"
    parent = (
        "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', sys.argv[1]], "
        "stdout=subprocess.PIPE); p.stdout.readline(); print(p.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", parent, child], stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        number = int(one.stdout.readline())
        assert not dead(number)
        one.kill()
    wait_until_dead(number)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
def test_a_search_of_arrows_ends_with_its_engine() -> None:
    """It waits for its table, which nobody sends."""
    parent = (
        "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-m', "
        "'explorer.causal.structure_search']); print(p.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as engine:
        assert engine.stdout is not None
        number = int(engine.stdout.readline())
        limit = time.monotonic() + PATIENCE
        while "numpy" not in Path(f"/proc/{number}/maps").read_text():
            assert time.monotonic() < limit
            time.sleep(0.05)
        time.sleep(3)  # it is at its table by then
        assert not dead(number)
        engine.kill()
        wait_until_dead(number)
