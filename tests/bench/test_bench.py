"""The bench measures what it says, in the shape that scripts rely on. No figure of time is judged here."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication

from explorer.bench import report, screen
from explorer.errors import ExplorerError


@given(st.lists(st.floats(0, 1e4), min_size=2, max_size=50))
def test_percentiles_are_the_inclusive_quantiles(values: list[float]) -> None:
    quantiles = statistics.quantiles(values, n=20, method="inclusive")
    for number, expected in enumerate(quantiles, start=1):
        assert report.percentile(values, number / 20) == pytest.approx(expected, abs=1e-6)


def test_percentile_of_nothing() -> None:
    assert report.percentile([], 0.5) == 0.0


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
    assert len(said) == 3


@pytest.mark.gui
def test_an_unknown_model_is_one_sentence(qapp: QApplication) -> None:
    with pytest.raises(ExplorerError, match="nowhere"):
        report.run(("nowhere",))
