"""What the window remembers between sessions: geometry, recent models, colours. The scene is the session's."""

from __future__ import annotations

import hashlib

from PySide6.QtCore import QByteArray, QSettings

from explorer import keeping
from explorer.files import state_folder
from explorer.scene.measures import Selection
from explorer.ui.look.theme import Scheme

RECENT = 12  # models, and scenes
VERSION_4 = "models bookmarks controls timeline comparison label measures jobs"
"""The docks of layouts that were kept under this number, before it was the docks that are kept with them."""


class Settings:
    """An Ini file in the program's state folder. A value that cannot be used is ignored; where the file cannot be
    written, values are kept until the window is closed."""

    def __init__(self) -> None:
        self._path = state_folder() / "window.ini"
        with keeping.optional(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        self._store = QSettings(str(self._path), QSettings.Format.IniFormat)

    @property
    def scheme(self) -> Scheme:
        """Light, dark, or what the desktop says."""
        value = self._store.value("scheme", "system")
        return value if value in ("light", "dark") else "system"

    @scheme.setter
    def scheme(self, scheme: Scheme) -> None:
        self._store.setValue("scheme", scheme)

    @property
    def pixels(self) -> bool:
        """Whether pictures are magnified without smoothing."""
        return str(self._store.value("pixels", "false")) == "true"

    @pixels.setter
    def pixels(self, pixels: bool) -> None:
        self._store.setValue("pixels", "true" if pixels else "false")

    @property
    def snap(self) -> bool:
        """Whether sliders with ticks stop at these only."""
        return str(self._store.value("snap", "true")) == "true"

    @snap.setter
    def snap(self, snap: bool) -> None:
        self._store.setValue("snap", "true" if snap else "false")

    @property
    def draft_steps(self) -> int:
        """How many sampler steps a draft takes; 0: the model's own number."""
        value = str(self._store.value("draft_steps", "0"))
        return int(value) if value.isascii() and value.isdigit() else 0

    @draft_steps.setter
    def draft_steps(self, steps: int) -> None:
        self._store.setValue("draft_steps", steps)

    @property
    def badges(self) -> Selection:
        """Which sliders are listed, by their badges."""
        value = self._store.value("badges", "all")
        return value if value in ("non-passive", "active") else "all"

    @badges.setter
    def badges(self, badges: Selection) -> None:
        self._store.setValue("badges", badges)

    @property
    def folder(self) -> str:
        """Where the last file was opened or saved."""
        return str(self._store.value("folder", ""))

    @folder.setter
    def folder(self, folder: str) -> None:
        self._store.setValue("folder", folder)

    @property
    def export_folder(self) -> str:
        """Where the last export went."""
        return str(self._store.value("export_folder", ""))

    @export_folder.setter
    def export_folder(self, folder: str) -> None:
        self._store.setValue("export_folder", folder)

    @property
    def recent_models(self) -> list[str]:
        """Paths of models that were opened from disk, the newest first."""
        return self._recent("recent_models")

    def add_recent_model(self, path: str) -> None:
        """Remember ``path`` as the model opened last."""
        self._store.setValue("recent_models", _with(path, self.recent_models))

    def forget_recent_model(self, path: str) -> None:
        """Forget ``path``, which is gone or was not wanted any more."""
        self._store.setValue("recent_models", [known for known in self.recent_models if known != path])

    def forget_recent_models(self) -> None:
        """Forget all of them."""
        self._store.remove("recent_models")

    @property
    def recent_scenes(self) -> list[str]:
        """Paths of scenes that were opened or saved, the newest first."""
        return self._recent("recent_scenes")

    def add_recent_scene(self, path: str) -> None:
        """Remember ``path`` as the scene opened or saved last."""
        self._store.setValue("recent_scenes", _with(path, self.recent_scenes))

    def forget_recent_scenes(self) -> None:
        """Forget all of them."""
        self._store.remove("recent_scenes")

    def _recent(self, key: str) -> list[str]:
        value = self._store.value(key, [])
        paths = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return [path for path in paths if isinstance(path, str) and path][:RECENT]

    def geometry(self, docks: str) -> tuple[QByteArray, QByteArray] | None:
        """Geometry of the window and layout of its ``docks``, or None where nothing was kept, or with other docks: an
        old layout is not forced onto a new window."""
        geometry, layout = self._store.value("geometry"), self._store.value("layout")
        known = str(self._store.value("layout_version", ""))
        if not (isinstance(geometry, QByteArray) and isinstance(layout, QByteArray)):
            return None
        # Earlier programs have kept no digest.
        fits = known == _version(docks, geometry, layout) or docks == (VERSION_4 if known == "4" else known)
        return (geometry, layout) if fits else None

    def set_geometry(self, geometry: QByteArray, layout: QByteArray, docks: str) -> None:
        """Keep both for the next session."""
        self._store.setValue("geometry", geometry)
        self._store.setValue("layout", layout)
        self._store.setValue("layout_version", _version(docks, geometry, layout))

    def save(self) -> None:
        """Write now."""
        self._store.sync()
        if self._store.status() == QSettings.Status.AccessError:
            with keeping.optional(self._path):
                keeping.probe(self._path.parent)  # which knows why


def _version(docks: str, geometry: QByteArray, layout: QByteArray) -> str:
    """What is kept with a layout: whose it is, and a digest, for the window would believe whatever the bytes say."""
    digest = hashlib.sha256(bytes(geometry.data()) + b"\0" + bytes(layout.data())).hexdigest()
    return f"{docks} {digest}"


def _with(path: str, known: list[str]) -> list[str]:
    return [path, *(one for one in known if one != path)][:RECENT]
