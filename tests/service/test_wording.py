"""What the user is told that the engine is at, and what has failed."""

from __future__ import annotations

import threading
from typing import get_args

import pytest

from explorer.errors import ControlError
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.comparison import CompareOptions
from explorer.scene.effects import EffectOptions, EffectQuestion
from explorer.scene.labels import Labels
from explorer.scene.landscape import Plane
from explorer.scene.measures import MeasureOptions
from explorer.scene.model import ControlSetRef, ModelRef, Pane, Scene, Seed, Start, View
from explorer.scene.picture_check import CheckQuestion
from explorer.service import answers, replies, requests
from explorer.service.jobs import Jobs
from explorer.service.wording import doing, failure, search, sentence_of

MODEL = ModelRef(path="/somewhere/shapes-qlae")
PCA = ControlSetRef(method="pca", k=3)
VIEW = View(model=MODEL, start=Start(Seed(0)), controls=PCA, edits=())
SCENE = Scene(model=MODEL, panes=(Pane(controls=PCA),))
GRAPH = CausalGraph(variables=(Variable(name="a"), Variable(name="b")), edges=(("a", "b"),))
FIND = requests.FindControls(request_id=1, model=MODEL, controls=PCA)
NAMED = (
    (requests.ListModels(request_id=1), "Listing the models"),
    (requests.ListFolder(request_id=1, folder="/a/runs"), "Listing the models in runs"),
    (requests.ListMethods(request_id=1), "Listing the methods"),
    (
        requests.InvertPicture(request_id=1, model=MODEL, name="cat.jpg", path="/a/cat.jpg"),
        "Finding the point of shapes-qlae for 'cat.jpg'",
    ),
    (requests.OpenModel(request_id=1, model=MODEL), "Opening shapes-qlae"),
    (FIND, "Finding the controls of PCA on shapes-qlae"),
    (requests.DescribeFile(request_id=1, model=MODEL, path="/a/checkpoint.pt"), "Reading checkpoint.pt"),
    (requests.ReadPath(request_id=1, model=MODEL, path="/a/paths.pt"), "Reading paths.pt"),
    (
        requests.FindPlaces(request_id=1, model=MODEL, controls=PCA, start=Start(Seed(0))),
        "Finding where the picture stands along PCA on shapes-qlae",
    ),
    (
        requests.FindOutcome(request_id=1, model=MODEL, controls=PCA, start=Start(Seed(0)), edits=()),
        "Finding what causes what along PCA on shapes-qlae",
    ),
    (
        requests.DrawLandscape(
            request_id=1,
            model=MODEL,
            controls=PCA,
            start=Start(Seed(0)),
            edits=(),
            control="PC 1",
            plane=Plane(),
        ),
        "Drawing the landscape of 'PC 1' of PCA on shapes-qlae",
    ),
    (requests.DrawTrajectory(request_id=1, view=VIEW), "Drawing the steps of a picture of shapes-qlae"),
    (
        requests.CheckPicture(
            request_id=1,
            model=MODEL,
            question=CheckQuestion(controls=PCA, start=Start(Seed(0)), edits=()),
        ),
        "Checking a picture of shapes-qlae",
    ),
    (
        requests.DescribeCauses(request_id=1, model=MODEL, controls=PCA),
        "Describing the variables of PCA on shapes-qlae",
    ),
    (requests.CheckGraph(request_id=1, model=MODEL, graph=GRAPH), "Checking a graph by the rows of shapes-qlae"),
    (
        requests.FindEffect(request_id=1, model=MODEL, graph=GRAPH, cause="a", effect="b"),
        "Finding the effect of 'a' on 'b'",
    ),
    (
        requests.SuggestArrows(request_id=1, model=MODEL, graph=GRAPH, method="pc"),
        "Looking for arrows in the rows of shapes-qlae",
    ),
    (requests.MeasureModel(request_id=1, model=MODEL, options=MeasureOptions()), "Measuring shapes-qlae"),
    (
        requests.CompareMethods(request_id=1, model=MODEL, options=CompareOptions(methods=("pca",))),
        "Comparing methods on shapes-qlae",
    ),
    (
        requests.ScanEffects(request_id=1, model=MODEL, question=EffectQuestion(controls=PCA, options=EffectOptions())),
        "Scanning the effects of PCA on shapes-qlae",
    ),
    (requests.ExportScene(request_id=1, scene=SCENE, path="/a/film.mp4", options=b""), "Exporting film.mp4"),
    (requests.ExportReports(request_id=1, reports=(), path="/a/table.csv"), "Exporting table.csv"),
    (requests.SaveControls(request_id=1, model=MODEL, chosen=(), path="/a/own.npz"), "Saving own.npz"),
    (requests.DrawSamples(request_id=1, model=MODEL, seeds=(0,)), "Drawing samples of shapes-qlae"),
    (
        requests.TrainProbe(request_id=1, model=MODEL, labels=Labels(attribute="smile", fingerprint="f")),
        "Learning 'smile' from labels",
    ),
    (requests.FindUnsteadiness(request_id=1, view=VIEW), "Finding what is usual of shapes-qlae"),
    (requests.ListAttributes(request_id=1, model=MODEL), "Listing the attributes of shapes-qlae"),
    (VIEW, "Drawing a picture of shapes-qlae"),
)


def test_every_job_has_a_name_of_its_own() -> None:
    known = {type(what) for what, _ in NAMED} - {View} | {requests.ExportComparison, requests.ExportEffects}
    assert known == set(get_args(answers.Job))
    assert [doing(what) for what, _ in NAMED] == [text for _, text in NAMED]


def test_searches_of_one_method_are_told_apart() -> None:
    change = {
        "": {},
        ", in units of equal visible change": {"units": "effect"},
        ", in units of equal visible change along the path": {"units": "arc"},
        ", orthogonal to hue, size": {"without": ("hue", "size")},
        ", in the order of Latent axes": {"like": ControlSetRef(method="latent_axes")},
    }
    for text, changed in change.items():
        assert search(MODEL, ControlSetRef(method="pca", **changed)) == f"PCA on shapes-qlae{text}"  # type: ignore[arg-type]
    assert search(MODEL, ControlSetRef(path="/a/own.npz")) == "own.npz on shapes-qlae"
    assert search(MODEL, ControlSetRef(method="gone")) == "gone on shapes-qlae"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ControlError("'pca' needs more samples."), "'pca' needs more samples."),
        (MemoryError(), "The device ran out of memory; close some panes, choose fewer steps, or a smaller model."),
        (
            RuntimeError("the matrix is singular.\nStack: much"),
            "Finding the controls of PCA on shapes-qlae failed unexpectedly (RuntimeError: the matrix is singular); "
            "the engine's log has the details.",
        ),
        (
            ZeroDivisionError(),
            "Finding the controls of PCA on shapes-qlae failed unexpectedly (ZeroDivisionError); "
            "the engine's log has the details.",
        ),
    ],
)
def test_a_failure_is_one_sentence_that_says_what_failed(error: Exception, sentence: str) -> None:
    assert failure(error, FIND) == sentence


def test_the_log_has_what_was_not_foreseen(capsys: pytest.CaptureFixture[str]) -> None:
    sentence_of(ControlError("Foreseen."), VIEW)
    assert capsys.readouterr().err == ""
    assert "Drawing a picture of shapes-qlae failed" in sentence_of(KeyError("not foreseen"), VIEW)
    assert "KeyError: 'not foreseen'" in capsys.readouterr().err


def test_a_job_that_fails_is_refused_with_that_sentence() -> None:
    class Broken:
        shared = None

        def measure(self, *asked: object) -> None:
            raise ValueError("no pictures")

    told: list[replies.Reply] = []
    answered = threading.Event()

    def send(reply: replies.Reply) -> None:
        told.append(reply)
        answered.set()

    jobs = Jobs(Broken(), send)  # type: ignore[arg-type]
    jobs.submit(requests.MeasureModel(request_id=7, model=MODEL, options=MeasureOptions()))
    assert answered.wait(60)
    jobs.close()
    (refused,) = told
    assert isinstance(refused, replies.Refused)
    assert (refused.request_id, refused.kind) == (7, "internal")
    assert refused.sentence.startswith("Measuring shapes-qlae failed unexpectedly (ValueError: no pictures)")
