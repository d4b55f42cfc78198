"""Whose keys the file of an adapter (LoRA) holds, and how its name says so. Plain values."""

from __future__ import annotations

KOHYA, DIFFUSERS = "kohya", "diffusers"
SUFFIX = ".safetensors"
ENDINGS = {KOHYA: f".{KOHYA}{SUFFIX}", DIFFUSERS: f".{DIFFUSERS}{SUFFIX}"}
"""Whose keys → how the name of such a file ends."""
