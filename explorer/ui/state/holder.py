"""What the parts of the state need of the one that holds the scene: it is made of them, and they do not know it."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import SignalInstance

from explorer.scene.cards import ControlSetCard
from explorer.scene.model import Scene
from explorer.ui.state.bridge import EngineClient
from explorer.ui.state.catalogue import Catalogue
from explorer.ui.state.drafts import Drafts
from explorer.ui.state.feed import Feed
from explorer.ui.state.late_sets import LateSets
from explorer.ui.state.notice import Kind
from explorer.ui.state.replies import Replies


class SceneHolder(Protocol):
    """The scene, what is known about it, and the one way to change it."""

    client: EngineClient
    feed: Feed
    catalogue: Catalogue
    replies: Replies
    drafts: Drafts
    late: LateSets

    @property
    def changed(self) -> SignalInstance:
        """The scene was changed: old scene, new scene."""

    @property
    def noticed(self) -> SignalInstance:
        """The user is to be told something: Notice."""

    @property
    def engine_ready(self) -> SignalInstance:
        """There is an engine (again): Ready."""

    @property
    def scene(self) -> Scene:
        """The current scene."""

    @property
    def shown_scene(self) -> Scene:
        """What the canvas shows: the preview while one is set, else the scene."""

    @property
    def has_model(self) -> bool:
        """Whether the scene has a model yet."""

    def controls_card(self, pane: int | None = None) -> ControlSetCard | None:
        """The control set of a pane (default: the selected one), or None while it is under way."""

    def apply(self, scene: Scene, text: str, merge_key: object = None) -> None:
        """Make ``scene`` the current one, as one step of undo called ``text``."""

    def say(self, sentence: str, kind: Kind = "info", action: str = "") -> None:
        """Tell the user ``sentence``."""
