"""Jobs on the workers of a dask scheduler: the same numbers as here, stopped when nobody wants them, one sentence for
what is missing."""

from __future__ import annotations

import builtins
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from toys import ToyFamily

from explorer.comparison import recognition, scheduler, table
from explorer.comparison.jobs import Conditions, Job
from explorer.comparison.packing import packed
from explorer.engine.engine import Engine
from explorer.errors import Cancelled, ExplorerError
from explorer.generators import registry
from explorer.scene.comparison import CompareOptions
from explorer.scene.model import ControlSetRef, ModelRef

ASKED = CompareOptions(methods=("sefa", "pca"), k=2, seeds=(0,), bases=4, observed=200, nulls=2)
pytestmark = pytest.mark.filterwarnings("default")  # what dask warns of is not ours


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModelRef:
    monkeypatch.setenv("LATENT_EXPLORER_DEVICE", "cpu")
    monkeypatch.setattr(table, "BOOTSTRAP", 10)
    monkeypatch.setattr(recognition, "EPOCHS", 1)
    monkeypatch.setattr(registry, "families", lambda: {"toy": ToyFamily()})
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "toy.txt").write_text("0")
    return ModelRef(path=str(tmp_path / "toy"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    settings = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "protocol": "tcp"}
    try:
        made = distributed.LocalCluster(host="127.0.0.1", dashboard_address=None, **settings)
    except OSError as error:
        pytest.skip(f"no local cluster can be started here ({error})")
    with made:
        yield made


def test_workers_give_what_this_process_gives(model: ModelRef, cluster: Any) -> None:
    engine, shares = Engine(torch.device("cpu")), []
    (here,) = engine.compare([model], ASKED)
    (there,) = engine.compare([model], ASKED, shares.append, scheduler=cluster.scheduler_address)
    for one, two in zip(here.methods, there.methods, strict=True):
        assert msgspec.structs.replace(one, seconds=0) == msgspec.structs.replace(two, seconds=0)
    assert here.contract == there.contract
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


def test_jobs_that_nobody_wants_stop(model: ModelRef, cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, stopped = threading.Event(), threading.Event()

    class Endless:
        def perform(self, job: object, progress: Any) -> None:
            begun.set()
            try:
                for _ in range(600):
                    stopped.wait(0.05)
                    progress(0.5)
            except Cancelled:
                stopped.set()
                raise

    monkeypatch.setattr(scheduler, "_workbench", lambda model: Endless())
    monkeypatch.setattr(scheduler, "ASKING", 0.1)

    def watch(share: float) -> None:
        if begun.is_set():
            raise Cancelled

    with pytest.raises(Cancelled):
        Engine(torch.device("cpu")).compare([model], ASKED, watch, scheduler=cluster.scheduler_address)
    assert stopped.wait(20)


def test_what_a_worker_meets_is_one_sentence(model: ModelRef, cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    address = cluster.scheduler_address
    (Path(model.path) / "toy.txt").write_text("none")
    with pytest.raises(ExplorerError, match="holds no seed"):
        scheduler.run(_jobs(model), lambda one: pytest.fail("done here"), address=address)
    monkeypatch.setattr(scheduler, "_workbench", lambda model: 1 / 0)
    with pytest.raises(ExplorerError, match=r"A worker failed \(ZeroDivisionError"):
        scheduler.run(_jobs(model), lambda one: pytest.fail("done here"), address=address)


def test_a_worker_of_another_version_says_so(model: ModelRef) -> None:
    with pytest.raises(ExplorerError, match=r"A worker has version .* of the program, not 0\.0\.9; install the same"):
        scheduler.perform(packed(_jobs(model)[0]), "0.0.9", "stop")


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of something that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def test_a_scheduler_that_says_nothing_is_one_sentence(
    model: ModelRef, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    monkeypatch.setattr(scheduler, "CONNECTING", 0.5)
    with pytest.raises(ExplorerError, match=f"No scheduler answers at '{silent}'; start one with"):
        scheduler.run(_jobs(model), lambda one: pytest.fail("done here"), address=silent)


def test_waiting_for_a_scheduler_can_be_cancelled(model: ModelRef, silent: str) -> None:
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")

    def cancel(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        scheduler.run(_jobs(model), lambda one: pytest.fail("done here"), cancel, address=silent)


def test_no_scheduler_and_no_package_are_one_sentence(model: ModelRef, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    monkeypatch.setattr(scheduler, "CONNECTING", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense"):
        with pytest.raises(ExplorerError, match=f"No scheduler answers at '{address}'; start one with"):
            scheduler.run(_jobs(model), lambda one: pytest.fail("done here"), address=address)
    real = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "distributed":
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ExplorerError, match=r"needs the package 'distributed'; install it with: pip install"):
        scheduler.run(_jobs(model), lambda one: pytest.fail("done here"), address="tcp://127.0.0.1:9")


def _jobs(model: ModelRef) -> list[Job]:
    conditions = Conditions(attributes="", bases=4, observed=200, tau=0.06)
    return [Job(model=model, controls=ControlSetRef(method="sefa", k=2), conditions=conditions)]
