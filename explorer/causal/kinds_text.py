"""Which kinds of mechanisms were asked for, as the one line of text that a setting holds. No torch."""

from __future__ import annotations

from collections.abc import Mapping

from explorer.errors import CausalError


def kinds_of(text: str) -> dict[str, str]:
    """``variable=kind`` between commas. Raises :class:`CausalError` for anything else."""
    kinds = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, sign, kind = part.rpartition("=")
        if not sign or not name.strip() or not kind.strip():
            raise CausalError(f"'{part}' is not of the form variable=kind, such as height=linear_gaussian.")
        kinds[name.strip()] = kind.strip()
    return kinds


def kinds_text(kinds: Mapping[str, str]) -> str:
    """What :func:`kinds_of` reads."""
    return ", ".join(f"{name}={kind}" for name, kind in kinds.items())
