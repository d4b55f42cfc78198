"""Comparing, labelling and sets of one's own by way of the engine process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from service_desk import AXES, MODEL, Desk

from explorer.controls.control_set import load
from explorer.engine.engine import Engine
from explorer.generators.registry import shipped_models
from explorer.scene.comparison import CompareOptions
from explorer.scene.labels import Label, Labels
from explorer.scene.model import ChosenControl, ControlSetRef, Seed, Start, View
from explorer.service import replies, requests

RANDOM = ControlSetRef(method="random_orthogonal", k=3)
QUICK = CompareOptions(methods=("latent_axes",), k=2, bases=4, observed=200, nulls=2)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """One engine process for all tests of this file: each takes seconds to start."""
    made = Desk()
    made.client.start()
    yield made
    made.client.close()


def test_samples_are_the_models_pictures_made_small(desk: Desk) -> None:
    seeds = tuple(range(40, 60))
    desk.client.send(requests.DrawSamples(request_id=1, model=MODEL, seeds=seeds, size=16, truncation_psi=0.5))
    drawn = desk.wait_for(replies.SamplesDrawn)
    assert (drawn.request_id, drawn.seeds, drawn.width, drawn.height) == (1, seeds, 16, 16)
    views = [View(model=MODEL, start=Start(Seed(seed), 0.5), controls=AXES, edits=()) for seed in (40, 57)]
    for index, picture in zip((0, 17), Engine().render(views), strict=True):
        small = np.frombuffer(drawn.pictures[index], np.uint8).reshape(16, 16, 3)
        expected = picture.bgrx[..., [2, 1, 0]].reshape(16, 4, 16, 4, 3).mean((1, 3))
        assert np.abs(small - expected).max() <= 1.5


def test_a_probe_is_trained_and_says_what_chance_would_have_right(desk: Desk) -> None:
    desk.client.send(requests.OpenModel(request_id=1, model=MODEL))
    fingerprint = desk.wait_for(replies.ModelOpened).card.fingerprint
    seeds = range(30)
    pictures = Engine().render([View(model=MODEL, start=Start(Seed(seed)), controls=AXES, edits=()) for seed in seeds])
    bright = [float(picture.bgrx[..., :3].mean()) for picture in pictures]
    cut = sorted(bright)[20]
    labels = Labels(
        attribute="bright",
        fingerprint=fingerprint,
        labels=tuple(Label(seed=seed, value=int(bright[seed] >= cut)) for seed in seeds),
    )
    desk.client.send(requests.TrainProbe(request_id=2, model=MODEL, labels=labels))
    found = desk.wait_for(replies.ProbeTrained)
    assert (found.request_id, found.attribute, found.n_positive, found.n_negative) == (2, "bright", 10, 20)
    assert abs(found.chance - 2 / 3) < 1e-9
    assert found.low < found.accuracy < found.high
    one_sided = Labels(attribute="bright", fingerprint=fingerprint, labels=labels.labels[:1])
    desk.client.send(requests.TrainProbe(request_id=3, model=MODEL, labels=one_sided))
    refused = desk.wait_for(replies.Refused)
    assert (refused.request_id, refused.kind) == (3, "input")


def test_a_probe_beats_chance_where_there_is_something_to_learn(desk: Desk) -> None:
    desk.client.send(requests.OpenModel(request_id=1, model=MODEL))
    fingerprint = desk.wait_for(replies.ModelOpened).card.fingerprint
    seeds = tuple(range(60))
    desk.client.send(requests.DrawSamples(request_id=2, model=MODEL, seeds=seeds, size=64))
    drawn = desk.wait_for(replies.SamplesDrawn)
    rows = [np.frombuffer(one, np.uint8).reshape(drawn.height, drawn.width, 3)[-8:] for one in drawn.pictures]
    warmth = np.array([one[..., 0].mean() - one[..., 2].mean() for one in rows])  # of the floor
    warm = warmth > np.median(warmth)
    told = np.random.default_rng(0).permutation(warm)  # as many of each, and nothing to learn
    for number, (name, values, above) in enumerate((("warm floor", warm, True), ("nothing", told, False)), 3):
        labels = tuple(Label(seed=seed, value=1 if value else 0) for seed, value in zip(seeds, values, strict=True))
        asked = Labels(attribute=name, fingerprint=fingerprint, labels=labels)
        desk.client.send(requests.TrainProbe(request_id=number, model=MODEL, labels=asked))
        found = desk.wait_for(replies.ProbeTrained)
        assert (found.low > found.chance) == above, found


def test_attributes_are_listed(desk: Desk) -> None:
    desk.client.send(requests.ListAttributes(request_id=1, model=MODEL))
    found = desk.wait_for(replies.AttributeList)
    assert (found.request_id, found.name) == (1, "shapes")
    assert {"scale", "orientation", "floor_hue"} <= {one.name for one in found.attributes}
    desk.client.send(requests.ListAttributes(request_id=2, model=MODEL, attributes="nowhere"))
    assert "nowhere" in desk.wait_for(replies.Refused).sentence


def test_a_set_of_ones_own_is_written_from_several(desk: Desk, tmp_path: Path) -> None:
    chosen = (
        ChosenControl(controls=RANDOM, control="random 2", name="tilt", starred=True),
        ChosenControl(controls=AXES, control="z3"),
    )
    file = tmp_path / "own.safetensors"
    desk.client.send(requests.SaveControls(request_id=1, model=MODEL, chosen=chosen, path=str(file), title="Mine"))
    assert desk.wait_for(replies.Exported).path == str(file)
    own, engine = load(file), Engine()
    assert [(one.card.name, one.card.starred) for one in own.controls] == [("tilt", True), ("z3", False)]
    assert own.title == "Mine"
    for one, ref, name in zip(own.controls, (RANDOM, AXES), ("random 2", "z3"), strict=True):
        original = engine.control_set(MODEL, ref).control(name)
        assert (one.direction == original.direction).all()  # type: ignore[attr-defined]
    desk.client.send(requests.FindControls(request_id=2, model=MODEL, controls=ControlSetRef(path=str(file))))
    assert [one.name for one in desk.wait_for(replies.ControlsFound).card.controls] == ["tilt", "z3"]
    desk.client.send(
        requests.SaveControls(request_id=3, model=MODEL, chosen=chosen, path=str(tmp_path / "own.npy"), title="")
    )
    rows = np.load(desk.wait_for(replies.Exported).path)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, rtol=1e-5)
    for wrong, sentence in (
        ((), "No control is chosen"),
        ((chosen[0], ChosenControl(controls=AXES, control="z1", name="tilt")), "Two of the chosen controls"),
        ((ChosenControl(controls=AXES, control="smile"),), "no control 'smile'"),
    ):
        desk.client.send(
            requests.SaveControls(request_id=4, model=MODEL, chosen=wrong, path=str(tmp_path / "no.safetensors"))
        )
        assert sentence in desk.wait_for(replies.Refused).sentence
    assert not (tmp_path / "no.safetensors").exists()


def test_methods_are_compared_and_the_table_is_written(desk: Desk, tmp_path: Path) -> None:
    desk.client.send(requests.CompareMethods(request_id=1, model=MODEL, options=QUICK))
    assert desk.wait_for(replies.JobProgress, lambda report: report.share > 0).title == "Comparing methods"
    found = desk.wait_for(replies.Compared)
    assert (found.request_id, found.model) == (1, MODEL)
    assert {"random_orthogonal", "latent_axes"} <= {row.method for row in found.report.methods}
    desk.client.send(requests.ExportComparison(request_id=2, report=found.report, path=str(tmp_path / "table.csv")))
    assert desk.wait_for(replies.Exported).path == str(tmp_path / "table.csv")
    assert "latent_axes,method" in (tmp_path / "table.csv").read_text()
    slow = CompareOptions(methods=("latent_axes",), k=8, bases=256, observed=20_000)
    desk.client.send(requests.CompareMethods(request_id=3, model=MODEL, options=slow))
    desk.wait_for(replies.JobProgress, lambda report: report.request_id == 3 and report.share > 0)
    desk.client.send(requests.Cancel(request_id=3))
    assert desk.wait_for(replies.Stopped).request_id == 3


def test_a_file_of_another_program_is_described_before_it_is_used(desk: Desk, tmp_path: Path) -> None:
    width = Engine().describe(MODEL).spaces["z"].shape[0]
    np.save(tmp_path / "rows.npy", np.eye(2, width))
    desk.client.send(requests.DescribeFile(request_id=7, model=MODEL, path=str(tmp_path / "rows.npy")))
    card = desk.wait_for(replies.FileDescribed).card
    assert card is not None
    assert (card.title, card.text) == ("Array of directions", f"2 controls of width {width}")
    # What is a model, or nothing that is known, is left to the families of models.
    model = shipped_models()[MODEL.path] / "model.safetensors"
    (tmp_path / "notes.pt").write_bytes(b"notes")
    for path in (model, tmp_path / "notes.pt"):
        desk.client.send(requests.DescribeFile(request_id=8, model=MODEL, path=str(path), may_be_model=True))
        assert desk.wait_for(replies.FileDescribed).card is None
    desk.client.send(requests.DescribeFile(request_id=9, model=MODEL, path=str(tmp_path / "notes.pt")))
    assert "belongs to none of the formats" in desk.wait_for(replies.Refused).sentence
    torch.save(torch.zeros(1, 2, width).cumsum(1) + torch.arange(2.0)[:, None], tmp_path / "paths_latent_codes.pt")
    desk.client.send(requests.ReadPath(request_id=10, model=MODEL, path=str(tmp_path / "paths_latent_codes.pt")))
    assert [point.shape for point in desk.wait_for(replies.PathRead).points] == [(width,)] * 2
