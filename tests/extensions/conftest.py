"""A program that knows toy models, to which a test adds kinds of its own: by the registries, as a file in their folder
would, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from toys import ToyFamily

from explorer.controls import registry as kinds
from explorer.discovery import registry as methods
from explorer.engine.engine import Engine
from explorer.generators import registry as families


@pytest.fixture
def toy_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Engine:
    """An engine on ``toy0``, a toy generator, in the working folder."""
    known = {"toy": ToyFamily()}
    monkeypatch.setattr(families, "families", lambda: known)
    folder = tmp_path / "toy0"
    folder.mkdir()
    (folder / "toy.txt").write_text("0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "home"))
    return Engine(torch.device("cpu"))


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, Any], None]:
    """``add(kind, method)``: what the two registries find when a kind and a method have been put into their folders."""

    def adding(kind: Any, method: Any) -> None:
        monkeypatch.setitem(kinds.kinds(), kind.kind, kind)
        monkeypatch.setitem(methods.methods(), method.card.name, method)

    return adding
