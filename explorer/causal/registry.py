"""The kinds of mechanisms there are: every module of ``mechanisms/`` that has a ``MECHANISM``."""

from __future__ import annotations

from functools import cache
from typing import cast

import explorer.causal.mechanisms as package
from explorer.causal.base import Fitted, Mechanism
from explorer.causal.learning import Learned
from explorer.plugins import declared


@cache
def kinds() -> dict[str, type[Mechanism]]:
    """Name in files → class."""
    known: dict[str, type[Mechanism]] = {each.kind: each for _, each in declared(package, "MECHANISM")}
    return dict(sorted(known.items()))


@cache
def fitted_kinds() -> dict[str, type[Fitted]]:
    """Those of :func:`kinds` that files hold."""
    return {name: cast(type[Fitted], each) for name, each in kinds().items() if hasattr(each, "restore")}


@cache
def learned_kinds() -> dict[str, type[Learned]]:
    """Those of :func:`kinds` that a table teaches."""
    return {name: cast(type[Learned], each) for name, each in kinds().items() if hasattr(each, "learn")}
