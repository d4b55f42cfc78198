"""What no linter can be fooled about: a fresh interpreter is asked what an import really brought in."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import explorer

BELOW_THE_WINDOW = sorted(
    module.name
    for module in pkgutil.walk_packages(explorer.__path__, "explorer.")
    if not module.name.startswith(("explorer.ui", "explorer.cli", "explorer.bench"))
)
WITHOUT_TORCH = sorted(
    [
        *(module.name for module in pkgutil.walk_packages(explorer.__path__, "explorer.") if ".ui" in module.name),
        "explorer.ui",
        "explorer.causal.formats.registry",
        "explorer.causal.identification",
        "explorer.causal.independences",
        "explorer.causal.layout",
        "explorer.causal.naming",
        "explorer.causal.separation",
        "explorer.scene.store",
        "explorer.scene.timeline",
        "explorer.scene.model",
        "explorer.service.client",
        "explorer.service.protocol",
        "explorer.service.requests",
        "explorer.service.replies",
        "explorer.export.options",
        "explorer.export.ranges",
    ]
)


def loaded_by(modules: list[str], suspects: list[str]) -> list[str]:
    """Which of ``suspects`` a fresh interpreter has loaded after importing ``modules``."""
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(*[name for name in {suspects!r} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.split()


def test_nothing_below_the_window_imports_qt() -> None:
    assert loaded_by(BELOW_THE_WINDOW, ["PySide6", "shiboken6"]) == []


def test_the_window_never_imports_torch() -> None:
    assert loaded_by(WITHOUT_TORCH, ["torch", "diffusers", "transformers", "safetensors", "scipy", "networkx"]) == []


def test_the_command_line_starts_light() -> None:
    assert loaded_by(["explorer.cli.main"], ["torch", "PySide6", "diffusers", "av", "scipy"]) == []


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None, True and False are immortal from Python 3.12 on")
def test_qt_does_not_lose_references_to_none() -> None:
    """PySide6 6.12.0 takes a reference to None with every void call and aborts the interpreter after some thousand."""
    code = (
        "import sys; from PySide6.QtCore import QObject\n"
        "one = QObject(); before = sys.getrefcount(None)\n"
        "for _ in range(100): one.setObjectName('x')\n"
        "print(before - sys.getrefcount(None))"
    )
    lost = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert lost < 50, "this PySide6 loses references to None and will crash; install the range in pyproject.toml"


def test_shipped_models_stay_small() -> None:
    folder = Path(explorer.__file__).resolve().parents[1] / "models"
    sizes = {
        model.name: sum(file.stat().st_size for file in model.rglob("*") if file.is_file())
        for model in folder.iterdir()
        if model.is_dir()
    }
    assert all(size <= 16 << 20 for size in sizes.values()), sizes
    assert sum(sizes.values()) <= 120 << 20
