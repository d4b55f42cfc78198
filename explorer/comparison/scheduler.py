"""Where the jobs of a comparison are done: in this process one after the other, or on the workers of a dask scheduler,
on a workstation with several devices or on a cluster.

A worker needs this program (the same version) and the models under the same paths. Jobs and outcomes travel as bytes of
plain values (:mod:`explorer.comparison.packing`); a worker loads the model itself and keeps it.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from functools import cache
from threading import Lock, Thread
from typing import Any

from explorer import __version__
from explorer.comparison.jobs import Job, Outcome, Workbench, perform_all
from explorer.comparison.packing import packed, unpacked
from explorer.discovery import registry as methods
from explorer.errors import Cancelled, ExplorerError
from explorer.generators import registry as generators
from explorer.generators.base import Generator, Progress
from explorer.generators.devices import choose_device
from explorer.scene.model import ControlSetRef, ModelRef

CONNECTING = 10.0
"""Seconds in which a scheduler has to answer."""

POLL = 0.1
"""Seconds between two looks at whether it has."""

ASKING = 1.0
"""Seconds between two times that a worker asks whether its job is still wanted, and that we look for progress."""


def run(
    jobs: Sequence[Job],
    bench: Callable[[ModelRef], Workbench],
    progress: Progress | None = None,
    address: str = "",
) -> list[Outcome]:
    """The outcomes of ``jobs``, in their order: with an ``address`` (``tcp://host:port``) from the workers of the
    scheduler there, else from ``bench`` in this process.

    ``progress`` hears the finished share, and may raise :class:`explorer.errors.Cancelled`: jobs that wait are then
    withdrawn, and those that run stop. Raises :class:`ExplorerError` with one sentence where there is no such
    scheduler, or the package for it is missing.
    """
    if not address:
        return perform_all(bench, jobs, progress)
    with _connected(address, progress) as client:
        return _distributed(client, jobs, progress)


@contextlib.contextmanager
def _connected(address: str, progress: Progress | None) -> Iterator[Any]:
    try:
        import distributed
    except ImportError as error:
        raise ExplorerError(
            "A scheduler needs the package 'distributed'; install it with: pip install 'latent-explorer[cluster]'."
        ) from error
    client = _answering(address, lambda: _greeted(distributed, address), progress)
    try:
        yield client
    finally:
        client.close()


def _greeted(distributed: Any, address: str) -> Any:
    """A client of the scheduler at ``address``, which has workers. Raises :class:`ExplorerError` where it has none."""
    client = distributed.Client(address, timeout=CONNECTING, set_as_default=False)
    if not client.nthreads():
        client.close()
        raise ExplorerError(f"The scheduler at '{address}' has no workers; start some with 'dask worker {address}'.")
    return client


def _answering(address: str, connect: Callable[[], Any], progress: Progress | None) -> Any:
    """The client that ``connect`` makes. Raises :class:`ExplorerError` where there is no scheduler at ``address``, or
    one that says nothing: the library waits for that for ever, on a thread that is left behind here."""
    made: Future[Any] = Future()

    def attempt() -> None:
        try:
            made.set_result(connect())
        except BaseException as error:  # noqa: BLE001  (raised again where it is waited for)
            made.set_exception(error)

    Thread(target=attempt, name="connecting", daemon=True).start()
    for _ in range(max(1, round(CONNECTING / POLL) + 10)):
        if wait([made], POLL).done:
            break
        if progress is not None:
            progress(0.0)
    try:
        return made.result(0)
    except (OSError, ValueError, TimeoutError) as error:
        raise ExplorerError(
            f"No scheduler answers at '{address}'; start one with 'dask scheduler' and workers with "
            f"'dask worker {address}', or leave --scheduler out."
        ) from error


def _distributed(client: Any, jobs: Sequence[Job], progress: Progress | None) -> list[Outcome]:
    from distributed import Event

    stop = f"latent-explorer-{uuid.uuid4().hex}"
    # Pure jobs of an earlier comparison would be answered from the scheduler's memory, with its costs.
    futures = [client.submit(perform, packed(job), __version__, stop, pure=False) for job in jobs]
    try:
        while not all(future.done() for future in futures):
            if progress is not None:
                progress(sum(future.done() for future in futures) / len(futures))
            time.sleep(ASKING / 10)
        if progress is not None:
            progress(1.0)
        return [unpacked(data, Outcome) for data in client.gather(futures)]
    except BaseException as error:
        Event(stop, client=client).set()
        client.cancel(futures)
        if isinstance(error, Exception) and not isinstance(error, Cancelled | ExplorerError):
            raise ExplorerError(f"A worker failed ({type(error).__name__}: {error}); look at its log.") from error
        raise


def perform(job: bytes, version: str, stop: str) -> bytes:
    """Do a packed job on a worker. ``stop`` names the event that says that nobody wants it any more.

    Raises :class:`ExplorerError` where the worker has another version of the program than who asks.
    """
    from distributed import Event, get_client

    if version != __version__:
        raise ExplorerError(f"A worker has version {__version__} of the program, not {version}; install the same.")
    asked = unpacked(job, Job)
    event, last = Event(stop, client=get_client()), time.monotonic()

    def watch(share: float) -> None:
        nonlocal last
        if time.monotonic() - last >= ASKING:
            last = time.monotonic()
            if event.is_set():
                raise Cancelled

    with _turn:
        return packed(_workbench(asked.model).perform(asked, watch))


_turn = Lock()
"""A worker may have several threads; a model is used by one at a time."""


@cache
def _workbench(model: ModelRef) -> Workbench:
    generator = generators.load(model.path, choose_device(), model.family)
    return Workbench(generator, lambda _, controls, progress: _found(generator, controls, progress))


def _found(generator: Generator, controls: ControlSetRef, progress: Progress | None) -> Any:
    method = methods.method(controls.method)
    return method.discover(generator, controls.k, controls.seed, dict(controls.settings), progress)
