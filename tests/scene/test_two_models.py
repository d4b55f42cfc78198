"""Panes with models of their own: what stays, what goes, and which sliders go together."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from explorer.scene import linking
from explorer.scene.cards import ControlCard, ControlSetCard, ModelCard, OutputCard, SpaceCard
from explorer.scene.editing import side_by_side
from explorer.scene.model import (
    AmountKey,
    AmountTrack,
    Blend,
    Condition,
    ControlSetRef,
    Edit,
    ModelRef,
    Pane,
    Scene,
    Seed,
    StoredLatent,
    Timeline,
    View,
    compared_with,
    view_of,
)
from explorer.scene.two_models import alike, has_several, with_pane_model

EARLY, LATE, OTHER = (ModelRef(path=path, fingerprint=path) for path in ("early", "late", "other"))
OUTPUT = OutputCard(kind="image", shape=(3, 8, 8), size=(8, 8), text="8×8", description="")


def card(size: int = 4, methods: tuple[str, ...] = ("latent_axes", "pca"), family: str = "vae") -> ModelCard:
    return ModelCard(
        name="m", family=family, path="", output=OUTPUT, spaces={"z": SpaceCard(shape=(size,), prior="normal")},
        fingerprint="", methods=methods, example_seed=77,
    )  # fmt: skip


PCA = ControlSetRef(method="pca", k=3)
MOVED = Pane(controls=PCA, edits=(Edit("PC 1", 1.5),), name="mine")
TRACK = AmountTrack(pane=0, control="PC 1", keys=(AmountKey(0.0, 0.0), AmountKey(1.0, 2.0)))
SCENE = Scene(model=EARLY, origin=Seed(9), panes=(MOVED,), timeline=Timeline(amounts=(TRACK,)))


def test_a_checkpoint_of_the_same_run_stands_beside_with_seed_method_and_amounts() -> None:
    compared = with_pane_model(SCENE, LATE, card(), card(), "beside")
    assert [compared.model_of(pane) for pane in (0, 1)] == [EARLY, LATE]
    assert [compared.origin_of(pane) for pane in (0, 1)] == [Seed(9), Seed(9)]
    assert [pane.edits for pane in compared.panes] == [MOVED.edits, MOVED.edits]
    assert [pane.controls for pane in compared.panes] == [PCA, PCA]
    assert compared.selected == 1
    assert compared.timeline == SCENE.timeline  # the first pane is where it was
    assert has_several(compared)
    assert not has_several(SCENE)


def test_a_pane_whose_model_has_other_spaces_keeps_the_method_alone() -> None:
    changed = with_pane_model(SCENE, OTHER, card(size=2), card(), "pane")
    assert changed.panes == (Pane(controls=ControlSetRef(method="pca", k=2), model=OTHER),)
    assert changed.timeline.amounts == ()  # its keys moved sliders that are gone
    without = with_pane_model(SCENE, OTHER, card(methods=("sefa",)), card(), "pane")
    assert without.panes[0].controls.method == "sefa"


def test_the_scenes_own_model_is_no_model_of_its_own() -> None:
    there = with_pane_model(SCENE, LATE, card(), card(), "pane")
    assert there.panes[0].model == LATE
    assert there.timeline == SCENE.timeline
    back = with_pane_model(there, EARLY, card(), card(), "pane")
    assert back == SCENE


def test_numbers_and_classes_of_another_model_mean_nothing() -> None:
    stored = StoredLatent("z", (4,), bytes(16))
    scene = replace(SCENE, origin=stored, condition=Condition(prompt="a fox", classes=((3, 1.0),)))
    assert with_pane_model(scene, LATE, card(), card(), "beside").origin_of(1) == stored  # they are alike
    other = with_pane_model(scene, OTHER, card(size=2), card(), "beside")
    assert other.origin_of(0) == stored
    assert other.origin_of(1) == Seed(77)
    assert other.condition_of(1) == Condition(prompt="a fox")
    assert other.condition_of(0) == scene.condition
    blend = Blend((Seed(1), Seed(2)), (0.5, 0.5))
    assert with_pane_model(replace(SCENE, origin=blend), OTHER, card(size=2), card(), "beside").origin_of(1) == blend


def test_a_table_of_panes_changes_by_its_columns() -> None:
    table = side_by_side(SCENE, (PCA, ControlSetRef(method="latent_axes")), (1, 2))
    changed = with_pane_model(replace(table, selected=1), LATE, card(), card(), "pane")
    assert [changed.model_of(pane).path for pane in range(4)] == ["early", "late", "early", "late"]
    assert [changed.origin_of(pane) for pane in range(4)] == [Seed(1), Seed(1), Seed(2), Seed(2)]
    wider = with_pane_model(replace(table, selected=1), LATE, card(), card(), "beside")
    assert [wider.model_of(pane).path for pane in range(6)] == ["early", "early", "late"] * 2


def controls(*names: str, shows: str = "amount") -> ControlSetCard:
    listed = tuple(ControlCard(name=name, space="z", unit="", low=-1, high=1, shows=shows) for name in names)  # type: ignore[arg-type]
    return ControlSetCard(method="m", title="m", space="z", fingerprint="", controls=listed)


def test_amounts_go_together_in_models_that_are_alike_and_values_in_all() -> None:
    scene = with_pane_model(SCENE, LATE, card(), card(), "beside")
    sets = [controls("PC 1", "PC 2"), controls("PC 1", "PC 2")]
    assert linking.partners(scene, sets, 0, "PC 2", [card(), card()]) == {0: "PC 2", 1: "PC 2"}
    assert linking.partners(scene, sets, 0, "PC 2", [card(), card(size=2)]) == {0: "PC 2"}
    assert linking.partners(scene, sets, 0, "PC 2", [card(), card(family="gan")]) == {0: "PC 2"}
    assert linking.partners(scene, sets, 0, "PC 2", [card(), None]) == {0: "PC 2"}
    values = [controls("age", "sex", shows="value"), controls("sex", "age", shows="value")]
    assert linking.partners(scene, values, 0, "age", [card(), card(size=2)]) == {0: "age", 1: "age"}
    assert not alike(card(), None)


def test_panes_are_compared_with_the_first_of_their_row() -> None:
    three = replace(SCENE, panes=(MOVED, Pane(), Pane(view="between")), timeline=Timeline())
    assert [compared_with(three, pane) for pane in range(3)] == [1, 0, 0]
    table = replace(three, panes=(Pane(),) * 6, columns=3)
    assert [compared_with(table, pane) for pane in range(6)] == [1, 0, 0, 4, 3, 3]
    assert compared_with(SCENE, 0) == 0
    shown = view_of(three, 2)
    assert shown.against == view_of(three, 0)
    assert view_of(replace(SCENE, panes=(Pane(view="between"),)), 0).view == "image"  # there is nothing to compare


def test_what_a_pane_is_compared_with_is_part_of_the_question() -> None:
    two = replace(SCENE, panes=(MOVED, Pane(view="between")), timeline=Timeline())
    other = replace(two, panes=(replace(MOVED, edits=(Edit("PC 1", 2.0),)), two.panes[1]))
    assert view_of(two, 1) != view_of(other, 1)
    encoded = msgspec.msgpack.encode(view_of(two, 1))
    assert msgspec.msgpack.decode(encoded, type=View) == view_of(two, 1)
