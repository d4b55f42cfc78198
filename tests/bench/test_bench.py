"""The bench measures what it says, in the shape that scripts rely on. No figure of time is judged here."""

from __future__ import annotations

import signal
import time
from itertools import product
from pathlib import Path

import pytest
import torch
from PySide6.QtWidgets import QApplication
from tiny_pipelines import save_ddim

from explorer.bench import (
    causal,
    do_drag,
    fields,
    kill_engine,
    kill_window,
    report,
    sampler_drag,
    screen,
    side_by_side,
    turns,
    worlds,
)
from explorer.errors import ExplorerError
from explorer.generators.registry import shipped_models
from explorer.training.base import Recipe
from explorer.worlds.registry import all_worlds


@pytest.mark.gui
def test_a_short_run_has_every_figure(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "CANVASES", (256,))
    monkeypatch.setattr(report, "STARTS", 1)
    monkeypatch.setattr(screen, "EVENTS", 12)
    monkeypatch.setattr(screen, "STORM", 60)
    said: list[str] = []
    found = report.run(("shapes-btcvae",), said.append)
    (row,) = found["models"]
    assert row["name"] == "shapes-btcvae"
    assert row["canvas"] == 256
    assert row["asked"] == 60
    assert row["drawn"] + row["dropped"] == row["asked"]
    assert 0 < row["drawn"] <= 60
    waited = row["event_to_screen_ms"]
    assert 0 < waited["p50"] <= waited["p95"] <= waited["p99"]
    parts = row["forward_ms"] + row["convert_ms"] + row["paint_ms"]
    assert row["ratio"] == pytest.approx(waited["p50"] / parts, rel=0.02)
    assert row["stall_ms"]["p99"] <= row["stall_ms"]["max"]
    assert found["window_ratio"] > 1
    assert found["memory_mb"]["window"] > 10
    assert found["memory_mb"]["engine"] > 100  # torch alone takes more
    (grid,) = found["side_by_side"]
    assert (grid["name"], grid["views"]) == ("shapes-btcvae", 8)
    (drag,) = found["flow_drag"]
    assert drag["name"] == "shapes-btcvae"
    assert drag["ratio"] == pytest.approx(drag["flow_ms"] / drag["straight_ms"], rel=0.02)
    assert found["fields"]["ratio"] > 0
    assert found["causal"]["linear"]["ratio"] > 0
    assert len(said) == 7


def test_worlds_and_recipes_have_a_row_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "BATCH", 4)
    said: list[str] = []
    rows = worlds.worlds(said.append, seconds=1e-6)
    expected = [(world.name, size) for world in all_worlds().values() for size in world.sizes]
    assert [(row["name"], row["size"]) for row in rows] == expected
    assert all(row["pictures_per_second"] > 0 and row["ratio"] > 0 for row in rows)
    assert len(said) == len(rows)


def test_recipes_are_timed_by_their_first_steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recipe = Recipe(
        name="toy", trainer="vae", data="shapes", steps=9, batch=4,
        settings={"widths": [4, 4, 4, 4], "hidden": 8, "latents": 3},
    )  # fmt: skip
    monkeypatch.setattr(worlds, "RECIPES", tmp_path)
    monkeypatch.setattr(worlds, "read_recipe", lambda name: recipe)
    (tmp_path / "toy.toml").write_text("")
    (row,) = worlds.training(seconds=1e-6)
    assert (row["name"], row["batch"]) == ("toy", 4)
    assert row["pictures_per_second"] > 0
    assert row["ratio"] > 0


@pytest.mark.gui
def test_an_unknown_model_is_one_sentence(qapp: QApplication) -> None:
    with pytest.raises(ExplorerError, match="nowhere"):
        report.run(("nowhere",))


def test_methods_side_by_side_are_one_batch_and_timed_against_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "RUNS", 3)
    monkeypatch.setattr(side_by_side, "WARM_UP", 1)
    found = side_by_side.measure("shapes-btcvae")
    assert found["batch"] == found["views"] == 8
    assert min(float(found[key]) for key in ("forward_ms", "render_ms", "ratio")) > 0


def test_works_take_turns_and_those_that_warm_up_do_not_count() -> None:
    done: list[str] = []
    taken = turns.in_turns({"a": lambda: done.append("a"), "b": lambda: done.append("b")}, warm_up=2, runs=3)
    assert {name: len(each) for name, each in taken.items()} == {"a": 3, "b": 3}
    assert done == (["a"] * turns.REPEATED + ["b"] * turns.REPEATED) * 5
    assert turns.medians({"a": [1.0, 9.0, 2.0]}) == {"a_ms": 2.0}
    assert turns.ratio([1.0, 9.0, 4.0], [2.0, 3.0, 4.0]) == 1.0


def test_what_others_do_meanwhile_is_no_time_of_fields() -> None:
    assert turns.milliseconds(lambda: time.sleep(0.02)) < 20


def test_fields_side_by_side_are_timed_against_a_loop_over_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "RUNS", 3)
    monkeypatch.setattr(fields, "WARM_UP", 1)
    found = fields.measure()
    assert (found["fields"], found["width"], found["batch"]) == (16, 64, 32)
    for kind in ("", "forward_"):
        times = found[f"{kind}loop_ms"], found[f"{kind}grouped_ms"]
        assert min(times) > 0
        assert found[f"{kind}ratio"] > 0


def test_do_is_timed_against_arithmetic_that_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for model, kind in product((causal._linear(), causal._networks()), (torch.float64, torch.float32)):
        value, noises, rows = causal._begun(model, 7, kind)
        assert model.graph.descendants(["x0"]) == set(model.graph.names)
        expected, plain = causal._dragged(model, value, noises, rows), causal.unrolled(model, kind)(value, noises)
        assert {values.dtype for values in (*expected.values(), *plain.values())} == {kind}
        assert all(torch.equal(plain[name], expected[name]) for name in model.graph.names)
        assert all((plain[name] != rows[name]).all() for name in model.graph.names)
    monkeypatch.setattr(causal, "RUNS", 2)
    monkeypatch.setattr(causal, "WARM_UP", 1)
    found = causal.measure()
    assert set(found) == {"linear", "networks", "networks_float32"}
    assert all(row["ratio"] > 0 and row["rows_ratio"] > 0 and row["nodes"] == 30 for row in found.values())


def test_a_drag_inside_the_sampler_draws_the_steps_from_its_window_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sampler_drag, "RUNS", 1)
    monkeypatch.setattr(turns, "REPEATED", 1)
    found = sampler_drag.measure(str(save_ddim(tmp_path / "model")))
    assert found["steps"] == 50
    calls = [found[f"{kind}_calls"] for kind in ("full", "late", "draft", "rest")]
    assert calls == [50, 25, 4, 50]  # a draft has 8
    for kind in ("full", "late", "draft"):
        assert float(found[f"{kind}_ms"]) > 0
    with pytest.raises(ExplorerError, match="has no steps with an h in them"):
        sampler_drag.measure("known-distinct")


def test_a_do_slider_is_dragged_beside_a_straight_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RUNS", 1), ("WARM_UP", 0), ("SAMPLES", 64), ("STEPS", 2)):
        monkeypatch.setattr(do_drag, name, value)
    found = do_drag.measure("known-distinct")
    assert found["method"] == "bound_causes"
    assert float(found["do_ms"]) > 0
    assert float(found["ratio"]) > 0
    assert set(do_drag.MODELS) <= set(shipped_models())


@pytest.mark.gui
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_an_engine_that_is_killed_in_a_drag_brings_the_same_picture_back(qapp: QApplication) -> None:
    found = kill_engine.measure(2, model="shapes-btcvae")
    counts = {key: found[key] for key in ("killed", "same_picture", "one_step")}
    assert counts == {"killed": 2, "same_picture": 2, "one_step": 2}
    assert (found["zombies"], found["processes"], found["left_processes"]) == (0, 1, 0)


@pytest.mark.gui
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_window_that_is_killed_comes_back_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kill_window, "LIVES", (3.0, 4.0))  # several times what a change waits for being saved
    found = kill_window.measure(2)
    assert (found["killed"], found["came_back"], found["left_behind"]) == (2, 2, [])
