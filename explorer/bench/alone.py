"""What is measured in a process of its own is told as one JSON object, or one sentence on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from explorer.errors import ExplorerError


def tell(measure: Callable[..., Mapping[str, object]]) -> None:
    """Print what ``measure`` finds, of the arguments of the command line."""
    try:
        sys.stdout.write(json.dumps(measure(*sys.argv[1:])) + "\n")
    except ExplorerError as error:
        sys.exit(f"{error}")


def told(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None, say: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """What ``python -m module`` tells, in an ``environment`` of its own where that is given; ``say`` hears the lines of
    its stderr as they come. Raises :class:`ExplorerError` with the last of them where it fails."""
    lines: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line.strip())
            if say is not None:
                say(lines[-1])
        answer = process.stdout.read()  # one line, which waits in the pipe
    if process.returncode:
        raise ExplorerError(next((line for line in reversed(lines) if line), "no message"))
    found: dict[str, Any] = json.loads(answer)
    return found
