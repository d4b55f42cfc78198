"""``invert``: the point of a picture of one's own, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.cli.main import run
from explorer.export.embed import read
from explorer.scene.model import StoredLatent, own_picture
from explorer.scene.store import load_scene


def lines(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    out, err = capsys.readouterr()
    return out.strip(), err.strip()


@pytest.fixture
def photograph() -> Path:
    x, y = np.meshgrid(np.arange(90), np.arange(70))
    path = Path("holiday.png")
    Image.fromarray(np.stack([x * 2, y * 3, x + y], -1).astype(np.uint8)).save(path)
    return path


def test_a_picture_becomes_a_pair_that_carries_its_scene(
    model: str, photograph: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["invert", model, "--image", str(photograph), "-o", "pair.png"]) == 0
    out, _ = lines(capsys)
    assert "'holiday.png' (90×70) was read: cropped to the middle square, reduced to 64×64." in out
    assert "the model's encoder (z): reconstruction " in out
    assert " dB (PSNR). The point lies " in out
    scene = read(Path("pair.png"))[0]
    assert [pane.view for pane in scene.panes] == ["original", "image"]
    own = own_picture(scene.origin)
    assert own is not None
    assert scene.bookmarks[0].name == f"holiday.png, {own.psnr:.1f} dB"
    with Image.open("pair.png") as pair:
        assert pair.width > 2 * 64
    assert run(["replay", "pair.png"]) == 0
    assert lines(capsys)[0] == "bit-identical: 1 frame"


def test_it_goes_on_standard_output_as_json_and_into_a_scene(
    model: str, photograph: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["invert", model, "--image", str(photograph), "--way", "z", "--steps", "3", "--json"]
    assert run([*arguments, "-o", "own.scene.json"]) == 0
    told = json.loads(lines(capsys)[0])
    scene = load_scene(Path("own.scene.json"))
    assert isinstance(scene.origin, StoredLatent)
    assert (told["space"], told["way"], told["stopped"]) == (scene.origin.space, "optimisation in z", False)
    assert scene.origin.own is not None
    assert told["psnr_db"] == scene.origin.own.psnr


def test_what_cannot_be_inverted_is_one_sentence(
    model: str, photograph: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("text.png").write_text("no picture")
    for arguments, sentence in (
        (["--image", "none.png"], "There is no picture 'none.png'; name a file."),
        (["--image", "text.png"], "choose another picture."),
        (["--image", str(photograph), "--way", "ddim"], "Ways that fit: encoder, z."),
        (["--image", str(photograph), "--way", "zz"], "There is no way 'zz' to invert a picture; "),
        (["--image", str(photograph), "--steps", "5"], "goes in no steps; leave their number out."),
        (["--image", str(photograph), "-o", "a.jpg"], "ends in neither .png nor .scene.json"),
    ):
        assert run(["invert", model, *arguments]) == 2
        out, err = lines(capsys)
        assert out == ""
        assert err.startswith("error: ")
        assert sentence in err


def test_ctrl_c_writes_the_best_so_far(
    model: str, photograph: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    from explorer.inversion.base import Attempt

    report = Attempt.report

    def interrupted(self: Attempt, share: float) -> None:
        if self.best is not None and share > 0.3:
            signal.raise_signal(signal.SIGINT)
        report(self, share)

    monkeypatch.setattr(Attempt, "report", interrupted)
    arguments = ["invert", model, "--image", str(photograph), "--way", "z", "--steps", "50", "-o", "own.scene.json"]
    assert run(arguments) == 130
    out, err = lines(capsys)
    assert ", stopped early: reconstruction " in out
    assert err.endswith("stopped")
    assert own_picture(load_scene(Path("own.scene.json")).origin) is not None
