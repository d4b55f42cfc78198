"""Ranges of traversals: the numbers against their definitions, and where the pictures of a sheet really stand."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import norm
from toys import ToyVae

from explorer.controls import control_set
from explorer.controls.codebook import CodebookControl
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.engine.engine import Engine
from explorer.errors import ExportError
from explorer.export import ranges, run, traversal
from explorer.export.options import ExportOptions, RangeMode, SheetOptions
from explorer.export.ranges import RANGES, Spread, labels, obstacle, positions
from explorer.export.replay import verify
from explorer.metrics import latent_activity
from explorer.metrics.latent_activity import LatentActivity
from explorer.scene.cards import ControlCard
from explorer.scene.model import ControlSetRef, Edit, ModelRef, Pane, Scene, Seed, StoredLatent

SPREAD = Spread(mean=0.5, deviation=2.0, lowest=-3.0, highest=5.0)
AXES = ControlSetRef(method="latent_axes", k=6)


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_positions_are_those_of_the_definitions() -> None:
    shares = np.linspace(0.001, 0.999, 9)
    assert positions("std_gaussian", 9) == pytest.approx(norm.ppf(shares))
    assert positions("fitted_gaussian", 9, SPREAD) == pytest.approx(norm.ppf(shares, 0.5, 2.0))
    assert positions("fixed_interval", 5) == pytest.approx([-2, -1, 0, 1, 2])
    assert positions("conf_interval", 3, SPREAD) == pytest.approx([-3.5, 0.5, 4.5])
    assert positions("minmax", 5, SPREAD) == pytest.approx([-3, -1, 1, 3, 5])
    assert positions("codebook", 3) == (0.0, 1.0, 2.0)


@settings(deadline=None)
@given(mode=st.sampled_from([one.name for one in RANGES if one.name != "amounts"]), count=st.integers(1, 41))
def test_positions_ascend_and_have_a_label_each(mode: RangeMode, count: int) -> None:
    found = positions(mode, count, SPREAD)
    assert list(found) == sorted(set(found))
    assert len(found) == len(labels(mode, count)) == count
    if mode not in ("codebook", "minmax"):
        assert found == pytest.approx([2 * np.mean(found) - value for value in reversed(found)])
    if count == 1 and mode != "codebook":
        assert found[0] == pytest.approx({"fitted_gaussian": 0.5, "conf_interval": 0.5, "minmax": 1.0}.get(mode, 0.0))


def test_labels_say_what_rows_share() -> None:
    assert labels("std_gaussian", 3) == ("0.1%", "50.0%", "99.9%")
    assert labels("fixed_interval", 3) == ("-2", "0", "+2")
    assert labels("conf_interval", 5) == ("-2 sd", "-1 sd", "mean", "+1 sd", "+2 sd")
    assert labels("minmax", 3) == ("least", "50%", "greatest")
    assert labels("codebook", 2) == ("1", "2")


@settings(deadline=None)
@given(amount=st.floats(-5, 5), length=st.floats(0.1, 3))
def test_an_amount_moves_a_position_by_its_unit(amount: float, length: float) -> None:
    source = torch.Generator().manual_seed(1)
    direction = torch.randn(7, generator=source)
    control = LinearControl(ControlCard(name="d", space="z"), direction * length / direction.norm())
    points = torch.randn(3, 7, generator=source)
    moved = control.move(points, torch.full((3,), amount))
    assert control.place is not None
    values = control.place.value(points) + amount * length
    assert control.place.value(moved).tolist() == pytest.approx(values.tolist(), abs=1e-4)
    assert control.place.amount_to(points, values).tolist() == pytest.approx([amount] * 3, abs=1e-4)


# --- pictures ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def vae(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine whose every model is the toy VAE."""
    model = ToyVae()
    # Before the engine is made: its store of control sets asks the same way.
    monkeypatch.setattr(Engine, "generator", lambda self, reference, progress=None: model)
    monkeypatch.setattr(Engine, "shared", lambda self, reference: model)
    return Engine(torch.device("cpu"))


def scene(**fields: object) -> Scene:
    pane = msgspec.structs.replace(Pane(controls=AXES), **fields)
    return Scene(model=ModelRef(path="toy-vae"), panes=(pane,), origin=Seed(7), truncation_psi=0.7)


def standing(engine: Engine, shown: Scene, sheet: SheetOptions) -> tuple[traversal.Grid, dict[str, torch.Tensor]]:
    """The grid, and for each row the points (columns, 6) that its pictures are rendered from."""
    controls = engine.control_set(shown.model, shown.panes[0].controls)
    grid = traversal.grid(engine, shown, sheet, 0, controls)
    points: dict[str, list[torch.Tensor]] = {}
    for cell in grid.cells:
        assert cell.view is not None
        assert isinstance(cell.view.start.origin, Seed)
        point = ToyVae().sample([cell.view.start.origin.seed], cell.view.start.truncation_psi).tensors["z"]
        for edit in cell.view.edits:
            point = controls.control(edit.control).move(point, torch.tensor([edit.amount]))
        points.setdefault(cell.row, []).append(point[0])
    return grid, {row: torch.stack(found) for row, found in points.items()}


def own_codes() -> torch.Tensor:
    """(1000, 6) mean codes of the pictures of seeds 0 to 999: z itself, and 0 along passive axes."""
    return ToyVae().sample(range(1000)).tensors["z"] * (ToyVae().variances < 1)


def test_rows_stand_where_the_mode_says_whatever_the_picture_is(vae: Engine) -> None:
    codes = own_codes().double()
    grid, points = standing(vae, scene(), SheetOptions(range="minmax", columns=5, base=True))
    assert [row.split(" · ")[0] for row in points] == ["z4", "z0", "z2", "z5", "z1", "z3"]
    assert next(iter(points)).endswith("nat · active")
    assert grid.columns == 6
    assert [cell.column for cell in grid.cells[:6]] == ["base", "least", "25%", "50%", "75%", "greatest"]
    assert "least to greatest code, from 1000 of its own pictures" in grid.title
    base = ToyVae().sample([7], 0.7).tensors["z"][0]
    for row, found in points.items():
        axis = int(row[1])
        assert torch.equal(found[0], base)
        wanted = np.linspace(float(codes[:, axis].min()), float(codes[:, axis].max()), 5)
        assert found[1:, axis].tolist() == pytest.approx(wanted, abs=1e-4)
        others = [other for other in range(6) if other != axis]
        assert torch.allclose(found[:, others], base[others].expand(6, 5), atol=1e-6)


@pytest.mark.parametrize("mode", ["fitted_gaussian", "conf_interval"])
def test_codes_spread_by_their_mean_and_both_variances(vae: Engine, mode: RangeMode) -> None:
    codes = own_codes().double()
    _, points = standing(vae, scene(), SheetOptions(range=mode, columns=3, controls=("z5",)))
    deviation = float((0.4 + codes[:, 5].var(correction=0)) ** 0.5)
    reach = deviation * (2 if mode == "conf_interval" else norm.ppf(0.999))
    (found,) = points.values()
    mean = float(codes[:, 5].mean())
    assert found[:, 5].tolist() == pytest.approx([mean - reach, mean, mean + reach], abs=1e-3)


def test_a_turned_axis_has_the_range_of_the_codes_along_it(vae: Engine) -> None:
    settings = (("angle", 30.0), ("first", 4), ("second", 0))
    turned = scene(controls=ControlSetRef(method="rotated_axes", k=6, settings=settings))
    _, points = standing(vae, turned, SheetOptions(range="minmax", columns=2, controls=("z4'",)))
    (found,) = points.values()
    direction = torch.zeros(6, dtype=torch.float64)
    direction[4], direction[0] = np.cos(np.pi / 6), 0.5
    along = own_codes().double() @ direction
    assert (found.double() @ direction).tolist() == pytest.approx([float(along.min()), float(along.max())], abs=1e-4)


def test_figures_of_data_are_used_where_the_model_has_them(vae: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    six = (0.0,) * 6
    kept = LatentActivity(six, six, six, six, 5000, "shapes", six, (-1.5,) * 6, (2.5,) * 6)
    monkeypatch.setattr(latent_activity, "stored", lambda generator: kept)
    grid, points = standing(vae, scene(), SheetOptions(range="minmax", columns=3, controls=("z2",)))
    assert "from 5000 pictures of shapes" in grid.title
    (found,) = points.values()
    assert found[:, 2].tolist() == pytest.approx([-1.5, 0.5, 2.5], abs=1e-5)
    old = LatentActivity(six, six, six, six, 5000, "shapes")
    monkeypatch.setattr(latent_activity, "stored", lambda generator: old)
    grid, _ = standing(vae, scene(), SheetOptions(range="minmax", columns=3, controls=("z2",)))
    assert "of its own pictures" in grid.title


def test_other_edits_stay_and_the_row_replaces_its_own(vae: Engine) -> None:
    shown = scene(edits=(Edit("z0", 1.25), Edit("z4", 0.5)))
    _, points = standing(vae, shown, SheetOptions(range="fixed_interval", columns=2, controls=("z4",), base=True))
    (found,) = points.values()
    assert found[1:, 4].tolist() == pytest.approx([-2, 2], abs=1e-5)
    z = ToyVae().sample([7], 0.7).tensors["z"][0]
    assert found[0, 4].item() == pytest.approx(z[4].item() + 0.5)
    assert found[:, 0].tolist() == pytest.approx([z[0].item() + 1.25] * 3)


def test_rows_of_seeds_stand_at_the_same_places(vae: Engine) -> None:
    sheet = SheetOptions(rows="seeds", seeds=(1, 2, 3), controls=("z2",), range="std_gaussian", columns=3)
    _, points = standing(vae, scene(), sheet)
    assert list(points) == ["seed 1", "seed 2", "seed 3"]
    for found in points.values():
        assert found[:, 2].tolist() == pytest.approx(norm.ppf([0.001, 0.5, 0.999]), abs=1e-5)


@pytest.mark.parametrize("length", [0.4, 2.5])
@pytest.mark.parametrize("mode", ["std_gaussian", "fixed_interval"])
def test_directions_of_any_length_reach_the_same_places(
    vae: Engine, mode: RangeMode, length: float, tmp_path: Path
) -> None:
    """A position is one in the space; an amount is one of the direction's own units, which is as long as it is."""
    row = torch.tensor([0.6, 0.0, 0.0, 0.0, 0.8, 0.0])
    card = ControlCard(name="slanted", space="z")
    found = ControlSet(
        method="own", title="Own", fingerprint="e" * 64, space="z", controls=(LinearControl(card, length * row),)
    )
    control_set.save(found, tmp_path / "own.safetensors")
    shown = scene(controls=ControlSetRef(path=str(tmp_path / "own.safetensors")))
    grid, points = standing(vae, shown, SheetOptions(range=mode, columns=5))
    (along,) = points.values()
    assert (along @ row).tolist() == pytest.approx(positions(mode, 5), abs=1e-4)
    amounts = [cell.view.edits[0].amount for cell in grid.cells if cell.view is not None and cell.view.edits]
    assert np.diff(amounts) == pytest.approx(np.diff(positions(mode, 5)) / length, abs=1e-4)


def codebooks() -> ControlSet:
    """Three values for one number, two for another."""
    values = {0: (-1.0, 0.25, 2.0), 3: (-0.5, 0.5)}
    controls = tuple(
        CodebookControl(
            ControlCard(name=f"z{axis}", space="z", detents=tuple(map(float, range(1 - len(row), len(row))))),
            torch.tensor(row),
            axis,
            6,
        )
        for axis, row in values.items()
    )
    return ControlSet(method="m", title="M", fingerprint="e" * 64, space="z", controls=controls)


def test_a_codebook_has_a_column_for_each_of_its_values(vae: Engine) -> None:
    controls = codebooks()
    grid = traversal.grid(vae, scene(), SheetOptions(range="codebook", base=True), 0, controls)
    assert grid.columns == 1 + ranges.longest_codebook(one.card for one in controls.controls) == 4
    assert [cell.column for cell in grid.cells[:4]] == ["base", "1", "2", "3"]
    assert [cell.view is None for cell in grid.cells] == [False] * 7 + [True]
    base = ToyVae().sample([7], 0.7).tensors["z"]
    for row, (axis, values) in enumerate({0: (-1.0, 0.25, 2.0), 3: (-0.5, 0.5)}.items()):
        for column, value in enumerate(values, start=1):
            view = grid.cells[row * 4 + column].view
            assert view is not None
            (edit,) = view.edits
            reached = controls.control(edit.control).move(base, torch.tensor([edit.amount]))
            assert reached[0, axis].item() == pytest.approx(value, abs=1e-4)  # beyond its ends a codebook is slow


def test_an_empty_cell_is_white(vae: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(vae, "control_set", lambda *given: codebooks())
    options = ExportOptions(kind="sheet_png", labels=False, sheet=SheetOptions(range="codebook"))
    path = run.run(vae, scene(), tmp_path / "a.png", options)
    drawn = np.asarray(Image.open(path))
    assert drawn.shape == (2 + 2 * 10, 2 + 3 * 10, 3)
    assert (drawn[12:20, 22:30] == 255).all()
    assert (drawn[12:20, 12:20] < 255).any()


def test_a_sheet_with_a_range_replays_to_the_last_bit(engine: Engine, tmp_path: Path) -> None:
    shown = Scene(model=ModelRef(path="toy0"), panes=(Pane(controls=ControlSetRef(method="latent_axes", k=3)),))
    options = ExportOptions(kind="sheet_png", sheet=SheetOptions(range="std_gaussian", columns=4, base=True))
    run.run(engine, shown, tmp_path / "a.png", options)
    assert verify(engine, tmp_path / "a.png").identical


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        (SheetOptions(range="codebook"), "'z4' has no codebook"),
        (SheetOptions(range="minmax", columns=0), "between 1 and 41"),
        (SheetOptions(range="minmax", columns=42), "between 1 and 41"),
    ],
)
def test_what_does_not_fit_is_one_sentence(vae: Engine, tmp_path: Path, sheet: SheetOptions, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        run.run(vae, scene(), tmp_path / "a.png", ExportOptions(kind="sheet_png", sheet=sheet))
    assert not (tmp_path / "a.png").exists()


def test_a_stored_point_of_another_space_is_refused(engine: Engine) -> None:
    stored = StoredLatent("w", (10,), np.zeros(10, "<f4").tobytes())
    pane = Pane(controls=ControlSetRef(method="latent_axes", k=3), origin=stored)
    shown = Scene(model=ModelRef(path="toy0"), panes=(pane,))
    controls = engine.control_set(shown.model, pane.controls)
    with pytest.raises(ExportError, match="not in space 'z'"):
        traversal.grid(engine, shown, SheetOptions(range="fixed_interval"), 0, controls)


def test_obstacles(engine: Engine) -> None:
    gan, axis = engine.card(ModelRef(path="toy0")), ControlCard(name="z0", space="z")
    assert obstacle("std_gaussian", gan, [axis]) == ""
    assert "no encoder" in obstacle("minmax", gan, [axis])
    assert "moves space 'w'" in obstacle("std_gaussian", gan, [ControlCard(name="a", space="w")])
    assert obstacle("amounts", gan, [ControlCard(name="a", space="w")]) == ""
    picture = msgspec.structs.replace(gan, spaces={"z": msgspec.structs.replace(gan.spaces["z"], shape=(3, 8, 8))})
    assert "no vector with a normal prior" in obstacle("fixed_interval", picture, [axis])
    assert obstacle("codebook", gan, [msgspec.structs.replace(axis, detents=(-1.0, 0.0, 1.0))]) == ""
