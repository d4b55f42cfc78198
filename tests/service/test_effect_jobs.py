"""Effect scans by way of the engine process: delivery, progress, cancelling, files."""

from __future__ import annotations

from pathlib import Path

import msgspec
from service_desk import AXES, MODEL, Desk, view

from explorer.engine.engine import Engine
from explorer.scene.effects import EffectOptions, EffectQuestion
from explorer.scene.model import ControlSetRef, ModelRef
from explorer.service import replies, requests

KNOWN = ModelRef(path="known-distinct")
FEW = EffectOptions(bases=6, levels=5, observed=100)
QUESTION = EffectQuestion(controls=ControlSetRef(method="latent_axes", k=2), options=FEW)


def ask(desk: Desk, model: ModelRef, question: EffectQuestion) -> int:
    number = desk.client.next_request_id()
    desk.client.send(requests.ScanEffects(request_id=number, model=model, question=question))
    return number


def test_the_report_is_the_engines_and_becomes_files(desk: Desk, tmp_path: Path) -> None:
    number = ask(desk, KNOWN, QUESTION)
    done = desk.wait_for(replies.EffectsScanned)
    assert (done.request_id, done.model) == (number, KNOWN)
    here = Engine().effects(KNOWN, QUESTION.controls, FEW)
    assert [effect.effect for effect in done.report.effects] == [effect.effect for effect in here.effects]
    for suffix in ("csv", "pdf"):
        number = desk.client.next_request_id()
        path = str(tmp_path / f"a.{suffix}")
        desk.client.send(requests.ExportEffects(request_id=number, report=done.report, path=path))
        assert desk.wait_for(replies.Exported).path == path
    assert repr(here.effects[0].effect) in (tmp_path / "a.csv").read_text()


def test_a_scan_reports_and_can_be_cancelled_while_pictures_are_drawn(desk: Desk) -> None:
    long = msgspec.structs.replace(QUESTION, controls=AXES, options=EffectOptions(bases=1024))
    number = ask(desk, MODEL, long)
    first = desk.wait_for(replies.JobProgress, lambda report: report.title == "Scanning effects" and report.share > 0)
    assert first.request_id == number
    desk.picture(0, view(1, z0=1.0))
    desk.client.send(requests.Cancel(request_id=number))
    assert desk.wait_for(replies.Stopped).request_id == number


def test_what_cannot_be_scanned_or_written_is_refused(desk: Desk, tmp_path: Path) -> None:
    for model, options, sentence in (
        (KNOWN, EffectOptions(bases=2), "The number of base codes is 2"),
        (KNOWN, EffectOptions(attributes="nowhere"), "'nowhere' is not"),
        (ModelRef(path=str(tmp_path / "nothing")), FEW, "does not exist"),
    ):
        number = ask(desk, model, msgspec.structs.replace(QUESTION, options=options))
        refused = desk.wait_for(replies.Refused)
        assert (refused.request_id, refused.kind) == (number, "input")
        assert sentence in refused.sentence
    report = Engine().effects(KNOWN, QUESTION.controls, msgspec.structs.replace(FEW, causes=("z0",)))
    number = desk.client.next_request_id()
    desk.client.send(requests.ExportEffects(request_id=number, report=report, path=str(tmp_path / "a.xlsx")))
    assert "use .csv, .json, .pdf, .svg or .png" in desk.wait_for(replies.Refused).sentence
    assert list(tmp_path.iterdir()) == []
