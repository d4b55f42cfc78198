"""Files are told apart by what is in them."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path

from explorer.export.run import SUFFIXES as EXPORTED
from explorer.scene.store import SUFFIX
from explorer.ui.files.dropping import kind_of
from explorer.ui.files.files import SCENE_FILTER


def safetensors(path: Path, metadata: dict[str, str]) -> Path:
    header = json.dumps({"__metadata__": metadata}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    return path


def test_kinds(tmp_path: Path) -> None:
    controls = json.dumps({"format": 1, "controls": []})
    model = json.dumps({"format": 1, "family": "vae"})
    assert kind_of(tmp_path) == "model"
    assert kind_of(tmp_path / "scene.scene.json") == "scene"
    assert kind_of(tmp_path / "film.MP4") == "carrier"
    assert kind_of(safetensors(tmp_path / "a.safetensors", {"latent_explorer": controls})) == "controls"
    assert kind_of(safetensors(tmp_path / "b.safetensors", {"latent_explorer": model})) == "model"
    assert kind_of(safetensors(tmp_path / "c.safetensors", {"latent_explorer": "[1"})) == "model"
    assert kind_of(tmp_path / "network.pkl") == "model"  # there is none, as opening it says
    for suffix, kind in ((".pt", "model or foreign"), (".PKL", "model or foreign"), (".ckpt", "model")):
        (tmp_path / f"network{suffix}").write_bytes(b"x")
        assert kind_of(tmp_path / f"network{suffix}") == kind
    for name in ("face.JPG", "a.webp", "scan.tiff"):
        assert kind_of(tmp_path / name) == "picture"
    for name in ("exported.png", "film.gif"):
        assert kind_of(tmp_path / name) == "carrier or picture"
    for name in ("a.npy", "smile_boundary.npz", "channels.csv"):
        assert kind_of(tmp_path / name) == "foreign"


def test_damaged_headers_are_left_to_the_families(tmp_path: Path) -> None:
    for name, data in (("empty", b""), ("huge", b"\xff" * 64), ("short", (900).to_bytes(8, "little") + b"{}")):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(data)
        assert kind_of(path) == "model"
    assert kind_of(tmp_path / "missing.safetensors") == "model"


def test_the_open_dialog_shows_every_file_that_may_carry_a_scene() -> None:
    first = SCENE_FILTER.split(";;")[0]
    shown = first[first.index("(") + 1 : first.index(")")].split()
    for suffix in (SUFFIX, *filter(None, EXPORTED.values())):
        assert any(fnmatch(f"mine{suffix}", pattern) for pattern in shown), suffix
        path = Path(f"mine{suffix}")
        assert kind_of(path).split(" or ")[0] == ("scene" if suffix == SUFFIX else "carrier")
