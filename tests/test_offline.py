"""Libraries that could look for models elsewhere are told not to before they are imported, and reach for nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from onnx_files import save_linear
from tiny_texts import save_stable

ROOT = Path(__file__).resolve().parents[1]
TOLD = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "DISABLE_TELEMETRY", "DO_NOT_TRACK")
PROGRAM = f"""
import json, os, sys

sockets = []
sys.addaudithook(lambda event, told: sockets.append((event, str(told[1:]))) if event.startswith("socket.") else None)
import explorer

early = {{"diffusers", "transformers", "huggingface_hub"}} & set(sys.modules)
environment = {{name: os.environ.get(name) for name in {TOLD!r}}}
loaded = []
for path in sys.argv[1:]:
    from explorer.generators.registry import load
    import torch

    generator = load(path, torch.device("cpu"))
    loaded.append(generator.card.family)
from huggingface_hub import constants

print(json.dumps({{
    "early": sorted(early), "environment": environment, "sockets": sockets, "loaded": loaded,
    "offline": constants.HF_HUB_OFFLINE, "telemetry": not constants.HF_HUB_DISABLE_TELEMETRY,
    "libraries": sorted({{"diffusers", "transformers"}} & set(sys.modules)),
}}))
"""


def _told(*models: str, **environment: str) -> dict[str, Any]:
    """What a fresh process says, whose environment says nothing of networks but ``environment``."""
    plain = {name: value for name, value in os.environ.items() if name not in (*TOLD, "ORT_DISABLE_TELEMETRY")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *models],
        env={**plain, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_model_of_these_libraries_is_loaded_and_nothing_is_looked_for(tmp_path: Path) -> None:
    told = _told(str(save_stable(tmp_path / "tiny")))
    assert told["early"] == []
    assert told["libraries"] == ["diffusers", "transformers"]
    # urllib3, which they import, sees whether there is IPv6 by binding a socket to this machine's own address.
    reached = [event for event, arguments in told["sockets"] if event != "socket.__new__" and "::1" not in arguments]
    assert reached == []
    assert {event for event, _ in told["sockets"]} <= {"socket.__new__", "socket.bind"}
    assert (told["offline"], told["telemetry"]) == (True, False)
    assert told["loaded"] == ["diffusion"]


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_who_asks_for_the_network_has_it(name: str) -> None:
    told = _told(**{name: "0"})
    assert told["environment"] == {**dict.fromkeys(TOLD), "HF_HUB_DISABLE_TELEMETRY": "1", name: "0"}
    assert told["offline"] is False


def test_what_is_said_of_telemetry_stands() -> None:
    told = _told(DISABLE_TELEMETRY="0")
    assert told["environment"]["HF_HUB_DISABLE_TELEMETRY"] is None
    assert told["telemetry"] is True


def test_onnxruntime_keeps_nothing_of_its_use_in_the_home(tmp_path: Path) -> None:
    save_linear(tmp_path / "a.onnx")
    (tmp_path / "home").mkdir()
    told = _told(str(tmp_path / "a.onnx"), HOME=str(tmp_path / "home"), LATENT_EXPLORER_HOME=str(tmp_path / "own"))
    assert told["loaded"] == ["onnx"]
    assert list((tmp_path / "home").rglob("*")) == []
