"""The commands on a model that the program has trained: what they write, what they print."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from explorer import keeping
from explorer.cli.main import run
from explorer.controls import control_set
from explorer.export.embed import read
from explorer.scene.model import AmountKey, Edit, Seed
from explorer.scene.store import save_scene


def lines(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    out, err = capsys.readouterr()
    return out.strip(), err.strip()


def test_render_writes_the_picture_of_a_seed(model: str) -> None:
    assert run(["render", model, "--seed", "5", "-o", "a.png"]) == 0
    assert run(["render", model, "--seed", "6", "-o", "b.png"]) == 0
    assert run(["render", model, "--seed", "5", "-o", "c.png", "--height", "128", "--pixels"]) == 0
    a, b, c = (np.asarray(Image.open(f"{name}.png")) for name in "abc")
    assert a.shape == (64, 64, 3)
    assert not np.array_equal(a, b)
    assert np.array_equal(a, c[::2, ::2])
    scene, _, _ = read(Path("a.png"))
    assert scene.origin == Seed(5)
    assert Path(scene.model.path).is_absolute()


def test_render_moves_controls(model: str) -> None:
    assert run(["render", model, "--move", "z0=2", "--move", "z2=-1.5", "-o", "a.png"]) == 0
    scene, _, _ = read(Path("a.png"))
    assert scene.panes[0].edits == (Edit("z0", 2.0), Edit("z2", -1.5))
    assert scene.panes[0].controls.method == "latent_axes"
    assert scene.panes[0].controls.k == 3  # as many as the space has


def test_discover_keeps_a_set_that_render_and_traverse_use(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(["discover", model, "--method", "random_orthogonal", "-k", "2", "--seed", "7", "-o", "s.safetensors"]) == 0
    )
    found = control_set.load(Path("s.safetensors"))
    assert (found.method, found.seed, len(found.controls)) == ("random_orthogonal", 7, 2)
    name = found.controls[0].card.name
    assert name in lines(capsys)[0]
    assert run(["render", model, "--controls", "s.safetensors", "--move", f"{name}=2", "-o", "a.png"]) == 0
    assert run(["traverse", model, "--controls", "s.safetensors", "--control", name, "--frames", "4", "-o", "f"]) == 0
    scene, _, _ = read(Path("f"))
    assert scene.panes[0].controls.path == str(Path("s.safetensors").absolute())
    assert scene.panes[0].controls.digest


def test_a_set_that_comes_with_a_model_is_used_by_its_name(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(model, "own")
    command = ["discover", "own", "--method", "random_orthogonal", "-k", "2"]
    assert run([*command, "-o", "own/controls/mine.safetensors"]) == 0
    name = control_set.load(Path("own/controls/mine.safetensors")).controls[0].card.name
    assert run(["render", "own", "--controls", "mine", "--move", f"{name}=2", "-o", "a.png"]) == 0
    scene, _, _ = read(Path("a.png"))
    assert scene.panes[0].controls.path == str(Path("own/controls/mine.safetensors").absolute())
    lines(capsys)
    assert run(["inspect", "own", "--json"]) == 0
    assert json.loads(lines(capsys)[0])["ready"] == [{"name": "mine", "title": "Random directions", "problem": ""}]
    assert run(["render", "own", "--controls", "mina", "-o", "b.png"]) == 2
    assert "nor a method nor a set that comes with 'own' (mine); " in lines(capsys)[1]
    Path("own/controls/mine.safetensors").write_bytes(b"")
    assert run(["render", "own", "--controls", "mine", "-o", "b.png"]) == 2
    assert "is not a readable control set" in lines(capsys)[1]


@pytest.mark.parametrize(("loop", "duration"), [("once", 0.5), ("loop", 0.6), ("ping_pong", 0.3)])
def test_traverse_writes_as_many_frames_as_asked(model: str, loop: str, duration: float) -> None:
    command = ["traverse", model, "--control", "z1", "--from", "-2", "--to", "1", "--frames", "6", "--fps", "10"]
    assert run([*command, "--loop", loop, "-o", "a.mp4"]) == 0
    with av.open("a.mp4") as container:
        assert sum(1 for _ in container.decode(video=0)) == 6
    scene, _, _ = read(Path("a.mp4"))
    assert scene.timeline.duration == pytest.approx(duration)
    assert scene.timeline.amounts[0].keys == (AmountKey(0.0, -2.0), AmountKey(scene.timeline.duration, 1.0))


def test_sheet_writes_png_and_pdf(model: str) -> None:
    assert run(["sheet", model, "--controls", "latent_axes", "--amounts", "-1,1", "-o", "a.png"]) == 0
    assert run(["sheet", model, "--seeds", "0-2,9", "--control", "z1", "-o", "a.pdf"]) == 0
    assert read(Path("a.png"))[2].frames.count == 6
    _, options, record = read(Path("a.pdf"))
    assert options.sheet.seeds == (0, 1, 2, 9)
    assert record.frames.count == 28
    ranged = ["--range", "std_gaussian", "--columns", "3", "--base", "--control", "z1", "-o", "b.png"]
    assert run(["sheet", model, "--controls", "latent_axes", *ranged]) == 0
    _, options, record = read(Path("b.png"))
    assert (options.sheet.range, options.sheet.columns, options.sheet.base) == ("std_gaussian", 3, True)
    assert record.frames.count == 4


def test_pictures_are_enlarged_smoothly_unless_pixels_are_asked_for(model: str) -> None:
    base = ["--height", "128", "-o"]
    rendered = [["render", model, *base, name, *more] for name, more in (("a.png", []), ("b.png", ["--pixels"]))]
    for command in rendered:
        assert run(command) == 0
    smooth, squares = (np.asarray(Image.open(name)).astype(int) for name in ("a.png", "b.png"))
    assert (squares == np.repeat(np.repeat(squares[::2, ::2], 2, 0), 2, 1)).all()
    assert (smooth != squares).any()
    assert np.abs(np.diff(smooth, axis=0)).max() < np.abs(np.diff(squares, axis=0)).max()
    for command in (["traverse", model, "--control", "z1", "--frames", "2"], ["sheet", model, "--control", "z1"]):
        out = "a.gif" if command[0] == "traverse" else "c.png"
        assert run([*command, "-o", out]) == 0
        assert read(Path(out))[1].scaling == "smooth"
        assert run([*command, "--pixels", "-o", out]) == 0
        assert read(Path(out))[1].scaling == "pixels"


def test_steps_are_said_and_what_cannot_be_is_refused(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["render", "shapes-diffusion", "--seed", "3", "-o", "a.png", "--steps"]
    assert run([*command, "2"]) == 0
    assert lines(capsys)[0] == "wrote a.png (2 of 50 steps)"
    assert read(Path("a.png"))[0].quality.steps == 2
    Path("a.png").unlink()
    assert run([*command, "1001"]) == 2
    assert "1 to 1000 steps, not 1001" in lines(capsys)[1]
    assert run(["render", model, "-o", "a.png", "--steps", "5"]) == 2
    assert "leave the number of steps out" in lines(capsys)[1]
    assert not Path("a.png").exists()


def test_replay_says_that_nothing_differs(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["traverse", model, "--control", "z1", "--frames", "4", "-o", "a.mp4"]) == 0
    lines(capsys)
    assert run(["replay", "a.mp4"]) == 0
    assert lines(capsys)[0] == "bit-identical: 4 frames"
    assert run(["replay", "a.mp4", "-o", "b.mp4"]) == 0
    assert lines(capsys)[0].splitlines() == ["wrote b.mp4", "bit-identical: 4 frames"]
    assert Path("a.mp4").read_bytes() == Path("b.mp4").read_bytes()


def test_replay_finds_the_model_where_it_is_said_to_be(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What makes a film reproducible by somebody else: the model lies elsewhere, its fingerprint is the same."""
    shutil.copytree(model, "here")
    assert run(["discover", "here", "--method", "random_orthogonal", "-k", "1", "-o", "s.safetensors"]) == 0
    assert run(["render", "here", "--controls", "s.safetensors", "-o", "a.png"]) == 0
    # The control set is small and lies in the picture; the model does not, and that is said.
    assert "note: The file does not carry the model '" in lines(capsys)[1]
    Path("here").rename("there")
    Path("s.safetensors").rename("t.safetensors")
    assert run(["replay", "a.png"]) == 2
    assert "which is not here; put it back, or say with --model where it is." in lines(capsys)[1]
    assert run(["replay", "a.png", "--model", "there"]) == 0
    assert lines(capsys)[0] == "bit-identical: 1 frame"
    assert run(["replay", "a.png", "--model", "there", "--controls", "t.safetensors"]) == 0
    assert lines(capsys)[0] == "bit-identical: 1 frame"
    weights = Path("there/model.safetensors").read_bytes()
    Path("there/model.safetensors").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    assert run(["replay", "a.png", "--model", "there", "--controls", "t.safetensors"]) == 2
    assert "made with another 'there'" in lines(capsys)[1]


def test_replay_finds_altered_pixels(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["traverse", model, "--control", "z1", "--frames", "4", "-o", "film"]) == 0
    third = sorted(Path("film").glob("*.png"))[2]
    with Image.open(third) as image:
        pixels = np.array(image)
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(third)
    lines(capsys)
    assert run(["replay", "film"]) == 1
    assert "frame 2 of 4 frames" in lines(capsys)[0]


def test_replay_renders_a_scene_file(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", model, "--seed", "3", "-o", "a.png"]) == 0
    save_scene(read(Path("a.png"))[0], Path("a.scene.json"))
    lines(capsys)
    assert run(["replay", "a.scene.json", "-o", "b.png"]) == 0
    assert lines(capsys)[0] == "wrote b.png"


def test_models_methods_and_inspect_print_json_and_nothing_else(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "--json"]) == 0
    for row in json.loads(lines(capsys)[0]):
        assert set(row) == {"name", "family", "path", "kind", "size", "spaces", "fingerprint"}
        assert all(set(space) == {"shape"} for space in row["spaces"].values())
    assert run(["methods", "--json"]) == 0
    rows = json.loads(lines(capsys)[0])
    assert {"latent_axes", "pca", "random_orthogonal", "sefa"} <= {row["name"] for row in rows}
    assert all(set(row) == {"name", "title", "families", "spaces", "trained", "paper"} for row in rows)
    assert run(["inspect", model, "--json"]) == 0
    card = json.loads(lines(capsys)[0])
    assert card["family"] == "vae"
    assert card["size"] == [64, 64]
    assert card["methods"][0] == "latent_axes"
    assert card["spaces"]["z"]["shape"] == [3]
    assert set(card["reasons"]) >= {"vae", "vae_checkpoint"}


def test_models_lists_a_folder_of_ones_own(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(model, folder / "trained")
    shutil.copytree(model, folder / "torn")
    (folder / "torn" / "model.safetensors").write_bytes(b"short")
    assert run(["models", "--folder", str(folder)]) == 0
    out, _ = lines(capsys)
    assert f"{folder / 'trained'}  VAE" in out.splitlines()
    assert any(line.startswith(f"{folder / 'torn'}  VAE: '") for line in out.splitlines())
    keeping.keep_models_folder(folder)  # as the window does
    assert run(["models", "--json"]) == 0
    listed = [row for row in json.loads(lines(capsys)[0]) if "problem" in row]
    assert [(row["name"], row["family"], bool(row["problem"])) for row in listed] == [
        ("torn", "vae", True),
        ("trained", "vae", False),
    ]
    shutil.rmtree(folder)
    assert run(["models"]) == 0  # the others are listed all the same
    assert "warning: The models folder" in lines(capsys)[1]
    assert run(["models", "--folder", str(folder)]) == 2
    keeping.keep_models_folder(None)
    assert keeping.models_folder() is None


def test_inspect_says_why_nobody_takes_a_foreign_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.bin").write_bytes(b"hello")
    assert run(["inspect", "a.bin", "--json"]) == 0
    document = json.loads(lines(capsys)[0])
    assert document["family"] is None
    assert document["path"] == "a.bin"
    assert all(isinstance(reason, str) and reason for reason in document["reasons"].values())
    assert "size" not in document
    assert run(["inspect", "a.bin"]) == 0
    assert "a.bin" in lines(capsys)[0]


def test_the_lists_are_readable(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["methods"]) == 0
    assert "sefa" in lines(capsys)[0]
    assert run(["models"]) == 0


def test_training_goes_on_where_it_stopped(
    tiny_recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from explorer.training.vae import VaeTrainer

    step = VaeTrainer.step
    steps: list[int] = []

    def interrupted(self: VaeTrainer, number: int, images: object) -> dict[str, float]:
        if number == 1 and not steps.count(1):
            steps.append(number)
            raise KeyboardInterrupt
        steps.append(number)
        return step(self, number, images)

    monkeypatch.setattr(VaeTrainer, "step", interrupted)
    assert run(["train", str(tiny_recipe), "-o", "run"]) == 130
    out, err = lines(capsys)
    assert out == ""
    assert "goes on from the last checkpoint" in err
    assert not Path("run/model").exists()
    assert run(["train", str(tiny_recipe), "-o", "run"]) == 0
    out, err = lines(capsys)
    assert out == "wrote run/model"
    assert "step 2 of 2" in err
    assert steps == [0, 1, 1]
