"""Scenes of version 2 mean what they meant when they were saved."""

from __future__ import annotations

import msgspec
import pytest

from explorer.scene import marks
from explorer.scene.model import (
    AmountKey,
    AmountTrack,
    Bookmark,
    ControlSetRef,
    Mark,
    ModelRef,
    Pane,
    Scene,
    Seed,
    Timeline,
)
from explorer.scene.old_defaults import spelt_out
from explorer.scene.store import MIGRATIONS, decode_scene, encode_scene

JACOBIAN = ControlSetRef(method="jacobian", k=4, settings=(("samples", 64),))
VOYNOV = ControlSetRef(method="voynov", k=6)
MODEL = ModelRef(path="m")


def _migrated(scene: Scene) -> Scene:
    document = msgspec.json.decode(encode_scene(scene))
    for mark in document["marks"]:
        mark.pop("count")
    return decode_scene(msgspec.json.encode(spelt_out(document)))


def test_the_step_to_version_3_spells_them_out() -> None:
    assert MIGRATIONS[2] is spelt_out


def test_the_estimate_of_that_time_is_written_wherever_a_set_is_named() -> None:
    panes = (
        Pane(controls=JACOBIAN),
        Pane(controls=ControlSetRef(method="pca", like=msgspec.structs.replace(JACOBIAN, settings=()))),
        Pane(controls=ControlSetRef(method="jacobian", settings=(("estimate", "columns"),))),
    )
    scene = Scene(
        model=MODEL,
        panes=panes,
        bookmarks=(Bookmark(name="b", model=MODEL, origin=Seed(1), truncation_psi=1.0, panes=panes[:1]),),
        marks=(Mark(controls=marks.origin_of(JACOBIAN), control="Jacobian 1", name="smile"),),
        timeline=Timeline(amounts=(AmountTrack(pane=0, control="Jacobian 1", keys=(AmountKey(0.0, 1.0),)),)),
    )
    now = _migrated(scene)
    spelt = (("estimate", "probes"), ("samples", 64))
    assert now.panes[0].controls.settings == now.bookmarks[0].panes[0].controls.settings == spelt
    assert now.panes[1].controls.settings == ()
    assert now.panes[1].controls.like is not None
    assert now.panes[1].controls.like.settings == (("estimate", "probes"),)
    assert now.panes[2] == scene.panes[2]
    assert now.timeline == scene.timeline
    assert marks.shown_name(now, now.panes[0].controls, "Jacobian 1") == "smile"


def test_names_of_sets_that_do_not_grow_are_of_the_set_that_is_shown() -> None:
    named = Mark(controls=marks.origin_of(VOYNOV), control="Voynov 1", name="smile")
    shown = Pane(controls=msgspec.structs.replace(VOYNOV, units="effect"))
    now = _migrated(Scene(model=MODEL, panes=(Pane(), shown), marks=(named,)))
    assert marks.shown_name(now, shown.controls, "Voynov 1") == "smile"
    assert marks.shown_name(now, msgspec.structs.replace(VOYNOV, k=12), "Voynov 1") == "Voynov 1"
    elsewhere = _migrated(Scene(model=MODEL, panes=(Pane(),), marks=(named,)))  # nobody knows how many there were
    assert elsewhere.marks == (named,)
    grown = Mark(controls=ControlSetRef(method="pca", k=1), control="PC 1", name="pose")
    pca = Pane(controls=ControlSetRef(method="pca", k=6))
    assert _migrated(Scene(model=MODEL, panes=(pca,), marks=(grown,))).marks == (grown,)


@pytest.mark.parametrize(
    "damaged",
    [
        {"panes": 7, "marks": [3]},
        {"panes": [{"controls": {"method": "jacobian", "settings": 1}}, {"controls": []}, None]},
        {"marks": [{"controls": {"method": "voynov"}}, {"controls": "x"}], "panes": [{"controls": {"method": 1}}]},
    ],
)
def test_damaged_documents_are_left_to_the_reader(damaged: dict[str, object]) -> None:
    before = msgspec.json.encode(damaged)
    assert msgspec.json.encode(spelt_out(damaged)) == before
