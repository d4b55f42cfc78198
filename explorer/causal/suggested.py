"""Arrows that a table suggests, as values that the window can show. No torch; :mod:`explorer.causal.suggestion` finds
them.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

import msgspec

from explorer.scene.causal_graph import CausalGraph

Method = Literal["pc", "pc-kci", "ges"]
"""PC with Fisher's z (linear; χ² where all variables have levels), PC with kernels (any dependence, slow), and GES by
BIC (BDeu where all have levels)."""

TITLES: dict[Method, str] = {"pc": "PC", "pc-kci": "PC with kernels", "ges": "GES"}
INSTALL = (
    "Suggestions need causal-learn, which is not installed; install it with: pip install 'latent-explorer[causal]'"
)


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """``graph``: as it was, with the arrows that the table suggests in place of earlier suggestions; one whose
    direction the table does not tell is there both ways. ``note``: how they came about, for the user."""

    graph: CausalGraph
    note: str


def is_installed() -> bool:
    """Whether causal-learn is there."""
    return find_spec("causallearn") is not None
