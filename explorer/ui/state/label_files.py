"""Where labels are kept by themselves: a file for each attribute of each model, in the program's state folder.

What a search for directions learns from is a copy named by its content, so that a scene that names it never finds other
labels there.
"""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path

from explorer.errors import ExplorerError
from explorer.files import atomic_write, state_folder
from explorer.scene.labels import SUFFIX, Labels, encode_labels, load_labels, save_labels

log = logging.getLogger("explorer.ui.state.label_files")


def path_of(labels: Labels) -> Path:
    """The file of this attribute of this model, whether it is there or not."""
    told = hashlib.sha256(labels.attribute.encode()).hexdigest()[:8]  # two names may read alike as a file's
    return _folder(labels.fingerprint) / f"{stem(labels.attribute)}-{told}{SUFFIX}"


def stem(attribute: str) -> str:
    """The attribute's name as it can be part of a file's name."""
    return re.sub(r"[^\w.-]+", "-", attribute).strip("-.")[:48] or "labels"


def keep(labels: Labels) -> None:
    """Write ``labels`` to their file, whole or not at all; no labels are no file.

    Raises :class:`explorer.errors.ExplorerError` when it cannot be written.
    """
    if labels.labels:
        save_labels(labels, path_of(labels))
    else:
        forget(labels)


def forget(labels: Labels) -> None:
    """Remove the file. Raises :class:`explorer.errors.ExplorerError` when it cannot be removed."""
    path = path_of(labels)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ExplorerError(f"'{path}' cannot be removed ({error.strerror}); remove it by hand.") from error


def kept(fingerprint: str) -> list[Labels]:
    """All labels of the model with ``fingerprint``, the file written last first. A file that cannot be used is left
    where it is, with a line in the log: the others must not be lost for it."""
    found: list[Labels] = []
    try:
        paths = sorted(_folder(fingerprint).glob(f"*{SUFFIX}"), key=lambda path: -path.stat().st_mtime)
    except OSError as error:
        log.warning("labels cannot be looked for: %s", error)
        return found
    for path in paths:
        try:
            labels = load_labels(path)
        except ExplorerError as error:
            log.warning("labels are not used: %s", error)
            continue
        if labels.fingerprint == fingerprint:
            found.append(labels)
    return found


def snapshot(labels: Labels) -> Path:
    """A file with these labels and no others, ever. Raises :class:`explorer.errors.ExplorerError` when it cannot be
    written."""
    data = encode_labels(labels)
    told = hashlib.sha256(data).hexdigest()[:12]
    path = _folder(labels.fingerprint) / "used" / f"{stem(labels.attribute)}-{told}{SUFFIX}"
    atomic_write(path, data)
    return path


def _folder(fingerprint: str) -> Path:
    return state_folder() / "labels" / fingerprint[:16]
