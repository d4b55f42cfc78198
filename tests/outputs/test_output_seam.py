"""A kind of output is one file: one with a single dimension, (B, C, T), that the program has never heard of is
installed as a package would be, and goes everywhere that pictures go. What needs pictures themselves says so.
"""

from __future__ import annotations

import importlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
import pytest
import torch
from PIL import Image
from pytestqt.qtbot import QtBot
from torch import Tensor
from torch.nn import functional

import explorer
from explorer.attributes.registry import open_reader
from explorer.cli.main import run as command
from explorer.comparison import derive, recognition, table
from explorer.comparison.calibration import TOLERANCE, calibrated
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery import registry as methods
from explorer.engine.convert import to_bgrx
from explorer.engine.engine import Engine, Picture
from explorer.engine.labelling import Labelling
from explorer.errors import ControlError, ExplorerError, ModelError
from explorer.export.compare_strips import TALLEST, strips
from explorer.export.options import ExportKind, ExportOptions, SheetOptions
from explorer.export.replay import verify
from explorer.export.run import run as export
from explorer.generators import registry as generators
from explorer.generators.base import Latent, Progress, Verdict, specimen, standard_normal
from explorer.outputs import registry as outputs
from explorer.outputs.base import THUMBNAIL, Output
from explorer.outputs.sizes import at_height
from explorer.reading import fingerprint_of
from explorer.scene.cards import ControlCard, ModelCard, OutputCard, SpaceCard
from explorer.scene.comparison import CompareOptions
from explorer.scene.labels import Label, Labels
from explorer.scene.measures import MeasureOptions
from explorer.scene.model import (
    AmountKey,
    AmountTrack,
    ControlSetRef,
    Edit,
    ModelRef,
    Pane,
    PaneView,
    Scene,
    Seed,
    Start,
    Timeline,
    View,
)

# --- what the package holds: a kind of output, and a family that makes it ---------------------------------------------


class Trace(Output):
    """(B, C, T): curves over time, drawn into one grey picture."""

    kind: ClassVar[str] = "trace"
    size: ClassVar[tuple[int, int]] = (64, 128)

    def card(self, shape: Sequence[int]) -> OutputCard:
        channels, length = shape
        text = f"{channels}×{length}"
        return OutputCard(
            kind=self.kind,
            shape=(channels, length),
            size=self.size,
            text=text,
            description=f"traces of {channels} channels and {length} samples",
        )

    def picture(self, outputs: Tensor, height: int = 0) -> Tensor:
        tall, wide = at_height(self.size, height)
        curves = functional.interpolate(outputs, wide, mode="linear", align_corners=True)  # (B, C, w)
        middles = (1 - curves[:, :, None]) / 2 * (tall - 1)
        rows = torch.arange(tall, dtype=outputs.dtype, device=outputs.device)[:, None]
        ink = (1.5 - (rows - middles).abs()).clamp(0, 1).amax(1, keepdim=True)
        return ink * 2 - 1

    def features(self, outputs: Tensor) -> Tensor:
        steps = outputs.diff(dim=2).abs()
        return torch.cat([functional.adaptive_avg_pool1d(one.float(), 24).flatten(1) for one in (outputs, steps)], 1)

    def thumbnails(self, outputs: Tensor, side: int = THUMBNAIL) -> Tensor:
        return functional.adaptive_avg_pool1d(outputs.float(), min(side, outputs.shape[2]))[:, :, None]


OUTPUT = Trace()

LENGTH = 97
STRENGTHS = (0.24, 0.12, 0.06, 0.03)
SPACES = {"z": SpaceCard(shape=(len(STRENGTHS),), prior="normal")}
ABLE = ("truncation",)


class Oscillator:
    """Each number of z is how much of one frequency there is: its sine in the first channel, its cosine in the
    second. Linear, so that every distance is known."""

    def __init__(self, card: ModelCard) -> None:
        self.card, self.device = card, torch.device("cpu")
        time = torch.arange(LENGTH, dtype=torch.float64) / LENGTH
        angles = 2 * math.pi * torch.arange(1, len(STRENGTHS) + 1)[:, None] * time
        waves = torch.stack([angles.sin(), angles.cos()], 1)
        self.waves = (torch.tensor(STRENGTHS)[:, None, None] * waves).float()  # (4, 2, T)

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        return Latent({"z": standard_normal(seeds, SPACES["z"].shape) * truncation_psi})

    def advance(self, latent: Latent, space: str) -> Latent:
        return latent

    def render(self, latent: Latent, quality: object) -> Tensor:
        return torch.einsum("bd,dct->bct", latent.tensors["z"], self.waves)


class OscillatorFamily:
    name: ClassVar[str] = "oscillator"
    title: ClassVar[str] = "oscillators"
    short_title: ClassVar[str] = "oscillator"

    def specimens(self) -> tuple[ModelCard, ...]:
        return (specimen(self.name, SPACES, ABLE, OUTPUT.card((2, LENGTH))),)

    def identify(self, path: Path) -> Verdict:
        mine = path.suffix == ".oscillator"
        return Verdict(mine, "It is an oscillator." if mine else "It is no .oscillator file.")

    def describe(self, path: Path) -> ModelCard:
        return ModelCard(
            name=path.stem,
            family=self.name,
            path=str(path),
            output=OUTPUT.card((2, LENGTH)),
            spaces=SPACES,
            fingerprint=fingerprint_of([path]),
            capabilities=ABLE,
        )

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Oscillator:
        return Oscillator(self.describe(path))


FAMILY = OscillatorFamily()

# --- the tests --------------------------------------------------------------------------------------------------------

PATIENCE = 120_000  # ms: a limit for a hang, not a measurement
AXES = ControlSetRef(method="jacobian", k=3, settings=(("estimate", "columns"), ("samples", 4)))


def install(place: Path, module: str = __name__) -> None:
    """An installed package, as the entry points say: this file."""
    about = place / "oscillators-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: oscillators\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        f"[explorer.outputs]\ntrace = {module}\n[explorer.generators]\noscillator = {module}:FAMILY\n"
    )


def _forget() -> None:
    importlib.invalidate_caches()
    outputs.plugged.cache_clear()
    generators.plugged.cache_clear()


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelRef]:
    """A model whose family and whose kind of output come from an installed package."""
    install(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr(table, "BOOTSTRAP", 5)
    monkeypatch.setattr(recognition, "EPOCHS", 1)
    _forget()
    file = tmp_path / "first.oscillator"
    file.write_bytes(b"hum")
    yield ModelRef(path=str(file))
    monkeypatch.undo()
    _forget()


@pytest.fixture
def engine() -> Engine:
    return Engine(torch.device("cpu"))


def _axes(order: Sequence[int] = (0, 1, 2), signs: Sequence[float] = (1, 1, 1)) -> ControlSet:
    """One control a number of z."""
    frame = torch.eye(len(STRENGTHS))
    controls = tuple(
        LinearControl(ControlCard(name=f"z{axis}", space="z"), frame[axis] * sign)
        for axis, sign in zip(order, signs, strict=True)
    )
    return ControlSet(method="axes", title="Axes", fingerprint="0" * 64, space="z", controls=controls)


def _view(model: ModelRef, view: PaneView = "image", **edits: float) -> View:
    moved = tuple(Edit(name.replace("_", " "), amount) for name, amount in edits.items())
    return View(model=model, start=Start(Seed(5)), controls=AXES, edits=moved, view=view, split=0.25)


def _seen(picture: Picture) -> np.ndarray:
    return picture.bgrx[..., 0].astype(int)


def test_it_opens_and_is_described(model: ModelRef, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    card = engine.card(model)
    assert (card.kind, card.shape, card.size) == ("trace", (2, LENGTH), (64, 128))
    assert not card.makes_pictures
    assert {"jacobian", "hessian", "voynov", "latentclr", "lowrankgan", "random_orthogonal"} <= set(card.methods)
    assert "makes traces of 2 channels" in engine.describe(model).refusals["attribute_regression"]
    assert command(["inspect", model.path, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["family"], document["kind"], document["size"]) == ("oscillator", "trace", [64, 128])


def test_the_canvas_shows_its_curves(model: ModelRef, engine: Engine) -> None:
    (picture,) = engine.render([_view(model)])
    assert picture.bgrx.shape == (64, 128, 4)
    z = torch.randn(4, generator=torch.Generator().manual_seed(5)).double().numpy()
    time = np.linspace(0, 1 - 1 / LENGTH, 128)
    for wave in (np.sin, np.cos):
        curve = sum(a * z[k] * wave(2 * np.pi * (k + 1) * time) for k, a in enumerate(STRENGTHS))
        rows = np.rint((1 - curve) / 2 * 63).astype(int)
        assert _seen(picture)[rows, np.arange(128)].min() > 120, "ink where the curve is"
    assert (_seen(picture) == 0).mean() > 0.9, "and none elsewhere"


def test_a_slider_moves_it_and_0_moves_nothing(model: ModelRef, engine: Engine) -> None:
    name = engine.control_set(model, AXES).controls[0].card.name.replace(" ", "_")
    still, zero, moved = engine.render([_view(model), _view(model, **{name: 0.0}), _view(model, **{name: 2.0})])
    assert np.array_equal(still.bgrx, zero.bgrx)
    assert not np.array_equal(still.bgrx, moved.bgrx)


def test_difference_and_before_and_after(model: ModelRef, engine: Engine) -> None:
    name = engine.control_set(model, AXES).controls[0].card.name.replace(" ", "_")
    before, after, same, difference, split = engine.render(
        [
            _view(model),
            _view(model, **{name: 2.0}),
            _view(model, "difference"),
            _view(model, "difference", **{name: 2.0}),
            _view(model, "before_after", **{name: 2.0}),
        ]
    )
    assert same.rms == 0
    assert _seen(same).max() == 0
    # The first axis: 2 · a of one frequency, whose sine and cosine have the mean square 1/2.
    assert difference.rms == pytest.approx(STRENGTHS[0] * math.sqrt(0.5), rel=1e-3)
    assert _seen(difference).max() == 255
    assert np.array_equal(split.bgrx[:, :32], before.bgrx[:, :32])
    assert np.array_equal(split.bgrx[:, 32:], after.bgrx[:, 32:])


def test_its_directions_are_those_that_change_it_most(model: ModelRef, engine: Engine) -> None:
    for ref in (AXES, ControlSetRef(method="jacobian", k=3)):
        found = engine.control_set(model, ref)
        for axis, control in enumerate(found.controls):
            assert isinstance(control, LinearControl)
            assert int(control.direction.abs().argmax()) == axis


@pytest.mark.parametrize("method", ["voynov", "latentclr", "hessian"])
def test_methods_that_look_at_pictures_look_at_it(model: ModelRef, engine: Engine, method: str) -> None:
    names = {setting.name for setting in methods.method(method).card.settings}
    few = tuple((name, 3) for name in ("steps",) if name in names)
    assert len(engine.control_set(model, ControlSetRef(method=method, k=2, settings=few)).controls) == 2


def test_calibrated_steps_are_those_of_the_formula(model: ModelRef, engine: Engine) -> None:
    steps = calibrated(engine.generator(model), _axes().controls, 0.05)
    for strength, step in zip(STRENGTHS, steps, strict=False):
        assert step == pytest.approx(0.05 * 2 * math.sqrt(2) / strength, rel=TOLERANCE)


def test_controls_are_matched_by_what_they_do(model: ModelRef, engine: Engine) -> None:
    theirs, ours = _axes(), _axes((2, 0, 1), (1, -1, 1))
    steps = [1.0, 1.0, 1.0]
    found = derive.in_order_of(theirs, steps, ours, steps, engine.generator(model))
    assert [control.card.name for control in found.controls] == ["z0", "z1", "z2"]
    zero, one = torch.zeros(1, 4), torch.ones(1)
    assert torch.cat([control.move(zero, one) for control in found.controls])[:, :3].equal(torch.eye(3))


def test_methods_are_compared_on_it(model: ModelRef, engine: Engine) -> None:
    asked = CompareOptions(methods=("jacobian",), k=2, seeds=(0,), bases=4, observed=200, nulls=1)
    (report,) = engine.compare([model], asked)
    rows = {row.method: row for row in report.methods}
    assert rows["jacobian"].problem == ""
    assert rows["jacobian"].columns["additivity"].value == pytest.approx(0, abs=1e-4), "it is linear"
    assert "makes traces of 2 channels" in rows["attribute_regression"].problem


@pytest.mark.parametrize("height", [0, 96])
def test_exports_draw_it_at_their_height(model: ModelRef, engine: Engine, tmp_path: Path, height: int) -> None:
    """No pixel of the curve is enlarged: the frame is the drawing of that height."""
    name = engine.control_set(model, AXES).controls[0].card.name
    scene = Scene(
        model=model,
        origin=Seed(5),
        truncation_psi=1.0,
        panes=(Pane(controls=AXES),),
        timeline=Timeline(
            duration=0.5,
            fps=8,
            amounts=(AmountTrack(pane=0, control=name, keys=(AmountKey(0.0, -1.0), AmountKey(0.5, 1.0))),),
        ),
    )

    def written(kind: ExportKind, file: str, **more: object) -> Path:
        options = ExportOptions(kind=kind, height=height, labels=False, **more)  # type: ignore[arg-type]
        return export(engine, scene, tmp_path / file, options)

    drawn = to_bgrx(OUTPUT.picture(engine.generator(model).render(engine.generator(model).sample([5]), None), height))
    still = np.asarray(Image.open(written("png", "a.png")))
    assert np.array_equal(still, drawn[0].numpy()[..., [2, 1, 0]])
    film = written("mp4", "a.mp4", crf=0)
    with av.open(str(film)) as container:
        sizes = {(frame.height, frame.width) for frame in container.decode(video=0)}
    assert sizes == {at_height((64, 128), height)}
    sheet = np.asarray(Image.open(written("sheet_png", "sheet.png", sheet=SheetOptions(amounts=(-1.0, 0.0, 1.0)))))
    tall, wide = drawn.shape[1:3]
    gap = max(2, round(tall / 32))
    middle = sheet[gap : gap + tall, gap + wide + gap : gap + wide + gap + wide]
    assert np.array_equal(middle, still), "the column of amount 0 is the picture as it stands"
    assert verify(engine, film).identical


def test_beside_taller_pictures_it_is_drawn_as_tall(
    model: ModelRef, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trace, "size", (12, 24))
    tall = engine.card(ModelRef(path="known-distinct")).size[0]
    assert tall > 12
    beside = Pane(controls=ControlSetRef(method="random_orthogonal", k=2), model=ModelRef(path="known-distinct"))
    scene = Scene(model=model, origin=Seed(5), truncation_psi=1.0, panes=(Pane(controls=AXES), beside))
    path = export(engine, scene, tmp_path / "both.png", ExportOptions(kind="png", labels=False))
    generator = engine.generator(model)
    drawn = to_bgrx(OUTPUT.picture(generator.render(generator.sample([5]), None), tall))[0].numpy()[..., [2, 1, 0]]
    gap = max(2, round(tall / 64))
    assert drawn.shape == (tall, 2 * tall, 3)
    assert np.array_equal(np.asarray(Image.open(path))[gap : gap + tall, gap : gap + 2 * tall], drawn)


def test_strips_of_a_comparison_are_drawn_small(
    model: ModelRef, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trace, "size", (192, 384))
    (report,) = engine.compare([model], CompareOptions(methods=("jacobian",), k=2, bases=4, observed=200, nulls=1))
    generator = engine.generator(model)
    drawn = to_bgrx(OUTPUT.picture(generator.render(generator.sample([0]), None), TALLEST))[0].numpy()[..., [2, 1, 0]]
    strip = next(one for row in strips(engine, report) for one in row if one is not None and one.picture is not None)
    assert strip.picture is not None
    middle = 2 * (192 + 2)  # the column of amount 0
    assert np.array_equal(strip.picture[:, middle : middle + 192], drawn)


def test_samples_to_label_are_shown_small(model: ModelRef, engine: Engine) -> None:
    drawn = Labelling(engine.shared).draw(model, [1, 2], 32, 1.0)
    assert drawn.shape == (2, 16, 32, 3)
    assert not np.array_equal(drawn[0], drawn[1])


def test_what_needs_pictures_says_so_in_one_sentence(
    model: ModelRef, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "makes traces of 2 channels and 97 samples"
    assert engine.card(model).worlds == ()
    with pytest.raises(ExplorerError, match=rf"^Measures compare with the pictures of a world, and 'first' {said}; .*"):
        engine.measure([model], MeasureOptions(world="sprites", n=1000))
    assert command(["measure", model.path, "--world", "sprites"]) == 2
    assert capsys.readouterr().err.startswith("error: Measures compare with the pictures of a world")
    card = engine.card(model)
    labels = Labels(
        attribute="loud", fingerprint=card.fingerprint, labels=(Label(seed=1, value=1), Label(seed=2, value=0))
    )
    with pytest.raises(ExplorerError, match=rf"^Attributes are read from pictures, and 'first' {said}\.$"):
        Labelling(engine.shared).validated(model, labels)
    for attributes in ("", "sprites"):
        with pytest.raises(ExplorerError, match=rf"^Attributes are read from pictures, and 'first' {said}\.$"):
            open_reader(attributes, generator=engine.generator(model))
    part = ControlSetRef(method="lowrankgan", k=2, settings=(("region", "0,0,0.5,0.5"),))
    with pytest.raises(ControlError, match=rf"^A region is a part of a picture, and 'first' {said}\.$"):
        engine.control_set(model, part)
    assert engine.control_set(model, ControlSetRef(method="lowrankgan", k=2)).controls


@pytest.mark.gui
def test_the_window_shows_it(model: ModelRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> None:
    """With the real engine process, which finds the package by itself."""
    from explorer.scene.model_text import model_line
    from explorer.service.client import ServiceClient
    from explorer.ui.measures.text import invitation
    from explorer.ui.state.controller import Controller
    from explorer.ui.state.session import Session
    from explorer.ui.state.settings import Settings
    from explorer.ui.window.main_window import MainWindow

    known = (str(tmp_path / "site"), str(Path(__file__).parent), os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, known)))
    controller = Controller(ServiceClient)
    controller.client.start()
    window = MainWindow(controller, Settings(), Session())
    qtbot.addWidget(window)
    window.show()

    def shown() -> np.ndarray | None:
        """The picture of the scene as it stands now."""
        picture = controller.feed.picture(0)
        if picture is None or picture.image is None or not picture.is_current:
            return None
        rows = picture.image.width(), picture.image.height()
        pixels = np.frombuffer(picture.image.constBits(), np.uint8).reshape(rows[1], rows[0], 4)
        return pixels[..., 0].copy()

    try:
        controller.open_model(model.path)
        qtbot.waitUntil(lambda: controller.has_model and controller.controls_card() is not None, timeout=PATIENCE)
        qtbot.waitUntil(lambda: shown() is not None, timeout=PATIENCE)
        before, card = shown(), controller.model_card()
        assert before is not None
        assert before.shape == (64, 128)
        assert card is not None
        assert model_line(card) == "first · oscillator · 2×97"
        assert "None of the worlds draws traces of 2 channels and 97 samples" in invitation(card)[1]
        ((_, cell),) = window.canvas.cells()
        assert cell.picture.width() / cell.picture.height() == pytest.approx(2, rel=0.02)
        rows = window.controls.rows()
        controller.move_control(0, rows[0].card.name, 2.0, dragging=False)
        qtbot.waitUntil(lambda: (now := shown()) is not None and not np.array_equal(now, before), timeout=PATIENCE)
    finally:
        controller.close()


def test_without_its_package_the_kind_is_named(model: ModelRef, engine: Engine, tmp_path: Path) -> None:
    card = engine.card(model)
    entries = tmp_path / "site" / "oscillators-1.0.dist-info" / "entry_points.txt"
    entries.write_text("[explorer.outputs]\ntrace = no_such_module_anywhere\n")
    _forget()
    with pytest.raises(ModelError, match=r"the kind 'trace'; there are: image\. The plugin 'trace' could not be load"):
        outputs.output_of(card)


def test_a_family_that_lacks_what_lists_ask_for_is_named_and_stops_nothing(
    model: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(OscillatorFamily, "specimens")
    _forget()
    found = generators.identify(Path(model.path))
    assert found.family == ""
    assert (
        "(AttributeError: 'OscillatorFamily' object has no attribute 'specimens')"
        in found.verdicts["oscillator"].reason
    )
    assert "jacobian" in {card.name for card in methods.cards()}


def test_a_package_replaces_no_kind_and_no_family_of_the_program(
    model: ModelRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trace, "kind", "image")
    monkeypatch.setattr(OscillatorFamily, "name", "vae")
    _forget()
    assert type(outputs.plugged().found["image"]) is not Trace
    assert type(generators.families()["vae"]) is not OscillatorFamily
    assert "its name 'image' is taken" in outputs.plugged().problems["trace"]
    verdict = generators.identify(Path(model.path)).verdicts["oscillator"]
    assert not verdict.mine
    assert "its name 'vae' is taken" in verdict.reason


def test_no_file_of_the_program_knows_it() -> None:
    for file in Path(explorer.__file__).parent.rglob("*.py"):
        assert "oscillator" not in file.read_text(encoding="utf-8"), file
