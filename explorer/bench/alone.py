"""What is measured in a process of its own is told as one JSON object, or one sentence on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping

from explorer.errors import ExplorerError


def tell(measure: Callable[..., Mapping[str, object]]) -> None:
    """Print what ``measure`` finds, of the arguments of the command line."""
    try:
        sys.stdout.write(json.dumps(measure(*sys.argv[1:])) + "\n")
    except ExplorerError as error:
        sys.exit(f"{error}")
