"""Measures by way of the engine process: delivery, progress, cancelling, tables."""

from __future__ import annotations

from pathlib import Path

from service_desk import MODEL, Desk, view

from explorer.engine.engine import Engine
from explorer.scene.measures import MeasureOptions
from explorer.scene.model import ModelRef
from explorer.service import replies, requests

QUICK = MeasureOptions(n=500, measures=("mig", "unsupervised"))


def test_the_report_is_the_engines_and_becomes_a_table(desk: Desk, tmp_path: Path) -> None:
    number = desk.client.measure(MODEL, QUICK)
    found = desk.wait_for(replies.Measured)
    assert (found.request_id, found.model) == (number, MODEL)
    (here,) = Engine().measure([MODEL], QUICK)
    assert found.report.latents == here.latents
    assert abs(found.report.metrics["mig"].value - here.metrics["mig"].value) < 1e-3
    number = desk.client.export_reports((found.report,), str(tmp_path / "a.csv"))
    done = desk.wait_for(replies.Exported)
    assert (done.request_id, done.path) == (number, str(tmp_path / "a.csv"))
    assert repr(found.report.metrics["mig"].value) in (tmp_path / "a.csv").read_text()


def test_measuring_reports_and_can_be_cancelled_while_pictures_are_drawn(desk: Desk) -> None:
    number = desk.client.measure(MODEL, MeasureOptions(n=20_000))
    first = desk.wait_for(replies.JobProgress, lambda report: 0 < report.share < 1)
    assert first.request_id == number
    desk.picture(0, view(1, z0=1.0))
    desk.client.send(requests.Cancel(request_id=number))
    assert desk.wait_for(replies.Stopped).request_id == number


def test_what_cannot_be_measured_or_written_is_refused(desk: Desk, tmp_path: Path) -> None:
    for model, options, sentence in (
        (MODEL, MeasureOptions(n=100), "100 pictures are so few"),
        (MODEL, MeasureOptions(world="nowhere"), "no world 'nowhere'"),
        (ModelRef(path=str(tmp_path / "nothing")), QUICK, "does not exist"),
    ):
        number = desk.client.measure(model, options)
        refused = desk.wait_for(replies.Refused)
        assert (refused.request_id, refused.kind) == (number, "input")
        assert sentence in refused.sentence
    desk.client.export_reports((), str(tmp_path / "a.xlsx"))
    assert "use .csv, .tex, .pdf or .json" in desk.wait_for(replies.Refused).sentence
    assert list(tmp_path.iterdir()) == []
