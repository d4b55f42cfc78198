"""Reports that took the engine minutes, kept on disk under the model's fingerprint and what was asked."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from explorer import __version__, keeping
from explorer.files import state_folder

log = logging.getLogger("explorer.ui.state.kept_reports")
VERSION = 1
"""Of what the numbers mean: reports of another version are not shown any more."""

MOST = 300  # of one kind, of all models; the oldest go first

Options = TypeVar("Options")
Report = TypeVar("Report")

_encode = msgspec.msgpack.Encoder().encode  # unlike JSON it has numbers that are not finite
_key = msgspec.msgpack.Encoder(order="deterministic").encode  # a report keeps the order of its rows instead


class KeptReports(Generic[Options, Report]):
    """The reports of one ``kind``; a file that is damaged, or of another version, is thrown away."""

    def __init__(self, kind: str, options: type[Options], report: type[Report]) -> None:
        self._kind = kind
        self._decode = msgspec.msgpack.Decoder(tuple[int, str, str, options, report]).decode  # type: ignore[valid-type]

    def keep(self, fingerprint: str, options: Options, report: Report) -> None:
        """Keep ``report``, which becomes the newest of its model. Where that cannot be written, it is said once."""
        if not fingerprint:
            return
        asked = hashlib.sha256(_key(options)).hexdigest()[:16]
        path = _folder() / f"{self._prefix(fingerprint)}{asked}.msgpack"
        if keeping.keep(path, _encode((VERSION, __version__, fingerprint, options, report))):
            with keeping.optional(path):
                for old in _by_age(f"{self._kind}-*")[:-MOST]:
                    old.unlink(missing_ok=True)

    def recalled(self, fingerprint: str) -> list[tuple[Options, Report]]:
        """What is kept of the model with this fingerprint, the newest last."""
        if not fingerprint:
            return []
        try:
            found = [self._read(path, fingerprint) for path in _by_age(f"{self._prefix(fingerprint)}*")]
        except OSError as error:
            log.warning("kept reports cannot be read: %s", error)
            return []
        return [pair for pair in found if pair is not None]

    def _prefix(self, fingerprint: str) -> str:
        return f"{self._kind}-{fingerprint[:16]}-"

    def _read(self, path: Path, fingerprint: str) -> tuple[Options, Report] | None:
        told = keeping.kept(path, self._decode)
        if told is None:
            return None
        version, program, model, options, report = told
        if (version, program) == (VERSION, __version__):
            return (options, report) if model == fingerprint else None
        with keeping.optional(path):
            path.unlink(missing_ok=True)
        return None


def _folder() -> Path:
    return state_folder() / "reports"


def _by_age(pattern: str) -> list[Path]:
    """The files of that name, the newest last."""
    aged = [(path.stat().st_mtime_ns, path) for path in _folder().glob(f"{pattern}.msgpack")]
    return [path for _, path in sorted(aged)]
