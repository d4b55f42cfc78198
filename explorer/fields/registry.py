"""The kinds of vector fields there are: every module of this package that has a ``FIELD``."""

from __future__ import annotations

from functools import cache

import explorer.fields as package
from explorer.fields.base import VectorField
from explorer.plugins import declared


@cache
def fields() -> dict[str, type[VectorField]]:
    """Name in files → class."""
    found: dict[str, type[VectorField]] = {field.kind: field for _, field in declared(package, "FIELD")}
    return dict(sorted(found.items()))
