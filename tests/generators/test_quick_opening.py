"""An engine that starts, and one that opens a model, import nothing that takes long and is not needed for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from explorer.service import server
from explorer.service.jobs import Jobs
from explorer.engine.engine import Engine
import torch
from explorer.generators.registry import load
from explorer.scene.model import Quality
heavy = ("scipy.optimize", "scipy.stats", "sklearn", "diffusers", "transformers", "torch._dynamo", "sympy")
started = [name for name in heavy if name in sys.modules]
assert not started, started
if sys.argv[1:]:
    generator = load(sys.argv[1], torch.device("cpu"))
    generator.render(generator.sample([0]), Quality())
opened = [name for name in heavy if name in sys.modules]
assert not opened, opened
"""


@pytest.mark.parametrize("model", ["", "shapes-btcvae", "faces-stylegan2", "pendulum-dscm", "known-ring"])
def test_what_takes_long_is_imported_where_it_is_needed(model: str) -> None:
    arguments = [model] if model else []
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
