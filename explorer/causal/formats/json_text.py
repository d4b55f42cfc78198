"""JSON of people one does not know: bounded, no key twice."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from explorer.errors import CausalError
from explorer.reading import check_json


def json_object(text: str) -> dict[str, Any] | None:
    """The object that ``text`` is; None where it does not begin as one. Raises :class:`CausalError` for damaged text,
    a key that comes twice, and nesting that no graph needs."""
    if not text.lstrip().startswith("{"):
        return None
    check_json(text.encode())
    try:
        document: dict[str, Any] = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise CausalError(f"its JSON is damaged at line {error.lineno} ({error.msg})") from error
    except RecursionError as error:
        raise CausalError("its brackets are nested too deeply") from error
    except ValueError as error:
        raise CausalError("it holds a number that is too long") from error
    return document


def looks_like_json(text: str) -> bool:
    """Whether ``text`` begins as an object of JSON does: a brace, then a name in quotes, or nothing."""
    start = text.lstrip()
    return start.startswith("{") and start[1:].lstrip()[:1] in ('"', "}", "")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise CausalError(f"'{next(name for name in counts if counts[name] > 1)[:50]}' stands there twice")
    return entries
