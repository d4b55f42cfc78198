"""Every dock of the window, in one table. A new one is a row here and a room of its own; nothing else knows of it."""

from __future__ import annotations

from PySide6.QtCore import Qt

from explorer.ui.card.dock import ROWS as CARD_ROWS
from explorer.ui.card.dock import CardDock
from explorer.ui.causes.dock import ROWS as CAUSE_ROWS
from explorer.ui.causes.dock import CausesDock
from explorer.ui.comparison.dock import ComparisonDock
from explorer.ui.controls.kept_choices import KeptChoices
from explorer.ui.controls.panel import ControlsPanel
from explorer.ui.effects.dock import ROWS as EFFECT_ROWS
from explorer.ui.effects.dock import EffectsDock
from explorer.ui.files.bookmarks import BookmarksPanel
from explorer.ui.files.model_browser import ModelBrowser
from explorer.ui.jobs.jobs_panel import JobsPanel
from explorer.ui.labels.dock import LabellingDock
from explorer.ui.landscape.dock import LandscapeDock
from explorer.ui.measures.dock import MeasuresDock
from explorer.ui.own_pictures.dock import OwnPictureDock
from explorer.ui.timeline.panel import TimelinePanel
from explorer.ui.trajectory.dock import ROWS as TRAJECTORY_ROWS
from explorer.ui.trajectory.dock import TrajectoryDock
from explorer.ui.window.layout import BOTTOM, DockRow, Parts

LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
TABLE_HEIGHT = 290  # a table of measures and a heat map can be read from here on
SAMPLE_HEIGHT = 330  # a sample is large enough to be judged
GRAPH_HEIGHT = 430  # two rows of nodes with their distributions, and four lines of what follows
PLOT_HEIGHT = 400  # three curves below each other, and a plane that is a square
STRIP_HEIGHT = 260  # pictures of a hundred pixels, and what is said of them
CARD_HEIGHT = 260  # ten rows of the card of a model
ROW_WIDTH = 320  # a name, a slider and its amount beside each other


def _models(parts: Parts) -> ModelBrowser:
    return ModelBrowser(parts.controller, parts.actions, parts.settings)


def _bookmarks(parts: Parts) -> BookmarksPanel:
    return BookmarksPanel(parts.controller, parts.actions)


def _controls(parts: Parts) -> ControlsPanel:
    panel = ControlsPanel(parts.controller, parts.actions)
    KeptChoices(panel, parts.actions, parts.settings)
    return panel


def _timeline(parts: Parts) -> TimelinePanel:
    panel = TimelinePanel(parts.controller)
    panel.bind(parts.actions)
    return panel


def _comparison(parts: Parts) -> ComparisonDock:
    return ComparisonDock(parts.controller, parts.actions, parts.settings)


def _labels(parts: Parts) -> LabellingDock:
    return LabellingDock(parts.controller, parts.actions, parts.settings)


def _measures(parts: Parts) -> MeasuresDock:
    return MeasuresDock(parts.controller, parts.actions, parts.settings)


def _landscape(parts: Parts) -> LandscapeDock:
    return LandscapeDock(parts.controller, parts.actions, parts.settings)


def _causes(parts: Parts) -> CausesDock:
    return CausesDock(parts.controller, parts.actions, parts.settings)


def _effects(parts: Parts) -> EffectsDock:
    return EffectsDock(parts.controller, parts.actions, parts.settings)


def _card(parts: Parts) -> CardDock:
    return CardDock(parts.controller, parts.actions)


def _own_picture(parts: Parts) -> OwnPictureDock:
    return OwnPictureDock(parts.controller, parts.actions)


def _trajectory(parts: Parts) -> TrajectoryDock:
    return TrajectoryDock(parts.controller, parts.actions)


def _jobs(parts: Parts) -> JobsPanel:
    return JobsPanel(parts.controller)


def _has_jobs(parts: Parts) -> bool:
    return bool(parts.controller.jobs.jobs())


DOCKS = (
    DockRow("models", LEFT, _models, width=220, height=330),
    DockRow("bookmarks", LEFT, _bookmarks, height=270),
    DockRow("controls", RIGHT, _controls, width=390, least_width=ROW_WIDTH),
    DockRow("timeline", BOTTOM, _timeline, height=170),
    DockRow("landscape", BOTTOM, _landscape, action="landscape", readable=PLOT_HEIGHT),
    DockRow("causes", BOTTOM, _causes, action="causes", actions=CAUSE_ROWS, readable=GRAPH_HEIGHT),
    DockRow("trajectory", BOTTOM, _trajectory, action="trajectory", actions=TRAJECTORY_ROWS, readable=STRIP_HEIGHT),
    DockRow("comparison", BOTTOM, _comparison, action="comparison", readable=TABLE_HEIGHT),
    DockRow("label", BOTTOM, _labels, readable=SAMPLE_HEIGHT),
    DockRow("measures", BOTTOM, _measures, action="measures", readable=TABLE_HEIGHT),
    DockRow("effects", BOTTOM, _effects, action="effects", actions=EFFECT_ROWS, readable=PLOT_HEIGHT),
    DockRow("card", BOTTOM, _card, title="Model", action="model_card", actions=CARD_ROWS, readable=CARD_HEIGHT),
    DockRow("own_picture", BOTTOM, _own_picture, title="Own picture", action="own_picture", readable=SAMPLE_HEIGHT),
    DockRow("jobs", BOTTOM, _jobs, is_due=_has_jobs),  # it comes by itself with the first job
)
