"""The Timeline dock's content: the header, the tracks, and what they do to the scene through the controller."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from explorer.errors import SceneError
from explorer.scene import timeline as keys
from explorer.scene.cards import ControlSetCard
from explorer.scene.model import Origin, Scene
from explorer.ui.actions.actions import ActionTable
from explorer.ui.look.dock_panel import DockPanel
from explorer.ui.state.controller import Controller
from explorer.ui.state.scene_state import Motion
from explorer.ui.state.session import Playhead
from explorer.ui.timeline import edit
from explorer.ui.timeline.changes import Changes
from explorer.ui.timeline.geometry import snapped
from explorer.ui.timeline.header import TimelineHeader
from explorer.ui.timeline.player import Player
from explorer.ui.timeline.rows import rows_of
from explorer.ui.timeline.view import TimelineView

LATE = "Panes that still look for their sliders have no keyframes yet; do it again once they are there."
OWN_SEED = "This picture starts from a seed of its own, which does not move with the timeline; move a slider instead."
SEED_ALONE = "This keyframe keeps the seed alone, for no slider is moved; what moves later begins here as it stands."
NOTHING_TO_PLAY = "There is nothing to play yet: move a slider, press K, move the playhead, and do it again."


class TimelinePanel(DockPanel):
    """Keyframes under the hand. The playhead is the panel's own; what it shows is the controller's preview."""

    playing_changed = Signal(bool)
    playhead_changed = Signal(float)

    def __init__(self, controller: Controller, parent: QWidget | None = None, player: Player | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeline_panel")
        self._controller = controller
        self._playhead = 0.0
        self._visited = False  # whether the canvas shows the playhead's time rather than the scene as it stands
        self._baseline: Scene = controller.scene  # when the playhead came to where it is
        self._touched: set[tuple[int, str]] = set()  # sliders set by hand since then
        self._grabbed: Scene | None = None  # the scene when a key was grabbed
        self._earlier: tuple[float, Origin] | None = None  # where the last keyframe was made, and of which origin
        self.player = player or Player(self)
        self.player.setParent(self)
        self.view = TimelineView(self)
        self.header = TimelineHeader(self)
        self._changes = Changes(controller, self.view, self.header, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.header)
        layout.addWidget(self.view, 1)
        self._connect()
        self._show_scene()

    @property
    def playhead(self) -> float:
        """Seconds."""
        return self._playhead

    # --- what actions call --------------------------------------------------------------------------------------------

    def bind(self, actions: ActionTable) -> None:
        """Be what the actions of the timeline act on."""
        for key, handler in (
            ("traverse", self.traverse_last),
            ("play", self.toggle_play),
            ("add_key", self.add_key),
            ("add_origin_key", self.add_origin_key),
            ("clear_timeline", self.clear),
        ):
            actions.bind(key, handler)

    def toggle_play(self) -> None:
        """Play from the playhead, or stop there."""
        if self.player.playing:
            self.player.stop()
        elif edit.is_moving(self._controller.scene.timeline):
            self.player.play(self._controller.scene.timeline, self._playhead)
        else:
            self._controller.say(NOTHING_TO_PLAY)

    def add_key(self) -> None:
        """Keep what is seen as a keyframe at the playhead."""
        controller = self._controller
        shown = controller.shown_scene
        try:
            made = edit.captured(controller.scene, shown, self._playhead, self._earlier, self._factual(shown))
        except SceneError as error:  # a slider of values whose track holds amounts, from a scene made elsewhere
            controller.say(str(error), "refusal")
            return
        if made == controller.scene and not edit.is_moving(made.timeline):
            controller.say(OWN_SEED)
            return
        if made.timeline.amounts == controller.scene.timeline.amounts == ():
            controller.say(SEED_ALONE)
        self._apply(made, "Add keyframe")
        self._earlier = (self._playhead, shown.origin)
        self._visit()
        self._tell_late()

    def _factual(self, shown: Scene) -> dict[tuple[int, str], float]:
        """The values that stand where nothing is set, of panes whose picture starts as that of the selected one, whose
        places are known."""
        controller, scene = self._controller, self._controller.scene
        if not controller.places.is_current or shown.start_of(scene.selected) != scene.start_of():
            return {}
        places, chosen = controller.places.known(), scene.panes[scene.selected].controls
        alike = [
            index
            for index, pane in enumerate(scene.panes)
            if (scene.model_of(index), scene.start_of(index)) == (scene.model_of(), scene.start_of())
            and pane.controls.method == chosen.method
        ]
        return {(index, name): place.value for index in alike for name, place in places.items()}

    def add_origin_key(self) -> None:
        """Keep the seed or latent that is seen as a keyframe at the playhead."""
        if self._controller.scene.panes[self._controller.scene.selected].origin is not None:
            self._controller.say(OWN_SEED)
            return
        try:
            made = keys.set_origin_key(self._controller.scene, self._playhead, self._controller.shown_scene.origin)
        except SceneError as error:
            self._controller.say(str(error), "refusal")
            return
        self._apply(made, "Add seed keyframe")
        self._visit()

    def clear(self) -> None:
        """Remove every keyframe."""
        self.player.stop()
        self._apply(edit.cleared(self._controller.scene), "Clear timeline")

    def traverse_last(self) -> None:
        """Traverse the control of the selected pane that was moved last, or its first one."""
        scene = self._controller.scene
        card = self._controller.controls_card()
        first = card.controls[0].name if card and card.controls else ""
        if name := self._controller.moved_last(scene.selected) or first:
            self.wanted.emit()
            self.traverse(scene.selected, name)
        else:
            self._controller.say("There is no control to traverse yet; choose a method first.")

    def traverse(self, pane: int, control: str) -> None:
        """Have ``control`` of ``pane`` (and its partners) move over its range, there and back, and play it; along
        learned values from the first to the last of them."""
        controller = self._controller
        card = controller.control_card(pane, control)
        low, high = (card.low, card.high) if card else (-3.0, 3.0)
        if pane == controller.scene.selected and (place := controller.places.known().get(control)):
            low, high = place.low, place.high
        holds = card.shows if card else "amount"
        made = edit.traversal(controller.scene, controller.partners(pane, control), low, high, holds)
        self.player.stop()
        self._apply(made, f"Traverse {control}")
        self.go_to(0.0)
        self.player.play(controller.scene.timeline, 0.0)
        self._tell_late()

    def _tell_late(self) -> None:
        """Say that linked panes are not part of what was keyed, where their sliders are not known yet."""
        controller = self._controller
        linked = controller.scene.linked and len(controller.scene.panes) > 1
        if linked and any(controller.controls_card(pane) is None for pane in range(len(controller.scene.panes))):
            controller.say(LATE)

    def go_to(self, time: float) -> None:
        """Put the playhead at ``time`` seconds and show the picture of that moment."""
        timeline = self._controller.scene.timeline
        self._set_playhead(snapped(time, timeline.fps, timeline.duration))
        if self.player.playing:
            self.player.seek(self._playhead)
        self._visit()

    def leave(self) -> None:
        """Stop, and show the scene as it stands until the playhead is used again."""
        self.player.stop()
        self._visited = False
        self._preview()

    def arrive(self) -> None:
        """Another scene has come: it is seen as it stands, with the playhead at the time when the timeline shows that.
        Where it never does, the playhead waits at the start until it is used."""
        self._settle()
        moment = edit.moment_of(self._controller.scene)
        self.leave()
        self._set_playhead(moment or 0.0)
        if moment is not None:
            self._visit()

    def place(self) -> Playhead | None:
        """Where the playhead stands, while the canvas shows its time; None otherwise."""
        scene = self._controller.scene
        if not self._visited or not edit.is_moving(scene.timeline):
            return None
        touched = edit.moved_controls(self._baseline, scene) | self._touched
        if scene.origin != self._baseline.origin:
            touched.add(edit.SEED)
        return Playhead(self._playhead, tuple(sorted(touched)))

    def put(self, place: Playhead) -> None:
        """Bring the playhead, and what is seen there, back to where it stood in an earlier session."""
        if edit.is_moving(self._controller.scene.timeline):
            self._set_playhead(min(max(place.time, 0.0), self._controller.scene.timeline.duration))
            self._visit()
            self._touched.update(place.touched)
            self._preview()

    def show_start(self) -> None:
        """A film has come: where the scene as it stands is no moment of it, its first one is seen."""
        if self._is_parked():
            self.go_to(0.0)

    # --- the playhead and the picture ---------------------------------------------------------------------------------

    def _set_playhead(self, time: float) -> None:
        self._playhead = time
        self._show_playhead()
        self.playhead_changed.emit(time)

    def _show_playhead(self) -> None:
        parked = self._is_parked()
        self.view.set_playhead(self._playhead, parked)
        self.header.show_time(self._playhead, parked)

    def _is_parked(self) -> bool:
        """Whether there is a timeline, and the canvas shows no time of it."""
        return not self._visited and edit.is_moving(self._controller.scene.timeline)

    def _visit(self) -> None:
        self._settle()
        self._visited = True
        self._preview()

    def _settle(self) -> None:
        """The timeline decides again what is seen: the playhead has moved, or what was seen became a keyframe."""
        self._baseline = self._controller.scene
        self._touched.clear()

    def _preview(self) -> None:
        """Show the picture of the playhead's time; without keyframes, or before the playhead is used, the scene."""
        scene = self._controller.scene
        self._show_playhead()
        if not self._visited or not edit.is_moving(scene.timeline) or not scene.model.path:
            self._controller.set_preview(None)
        else:
            shown = edit.overlaid(scene, self._playhead, self._baseline, self._touched)
            scrubbed: Motion = "scrubbed" if self.view.is_scrubbing else "still"
            self._controller.set_preview(shown, "playing" if self.player.playing else scrubbed)

    def _on_player_moved(self, time: float) -> None:
        self._set_playhead(time)
        self._visit()

    def _on_playing_changed(self, playing: bool) -> None:
        self.header.show_playing(playing)
        if not playing:
            self._preview()  # once more, in full quality
        self.playing_changed.emit(playing)

    # --- the scene changed --------------------------------------------------------------------------------------------

    def _on_changed(self, old: Scene, new: Scene) -> None:
        same_panes = len(new.panes) == len(old.panes)
        if new.model != old.model or not same_panes:
            self._earlier = None
            self._settle()
        # An undone move is seen no longer; one by the hand is announced right after this.
        self._touched -= edit.moved_controls(old, new)
        if new.origin != old.origin:
            self._touched.discard(edit.SEED)
        if new.timeline.duration < self._playhead:
            self._set_playhead(new.timeline.duration)
        if not edit.is_moving(new.timeline):
            self.player.stop()
        self.player.follow(new.timeline)
        if _listed(new) != _listed(old):
            self._show_scene()
        elsewhere = (new.panes, new.origin) != (old.panes, old.origin) and same_panes
        if new.model != old.model or (new.timeline != old.timeline and elsewhere):
            self.arrive()  # another scene altogether
        else:
            self._preview()

    def _on_moved(self, partners: dict[int, str]) -> None:
        """A slider was set by hand: it is seen as it stands, even where the stored scene had that amount already."""
        self._touched.update(partners.items())
        self._preview()

    def _on_origin_set(self) -> None:
        """The seed was set by hand: it is seen as it stands, even where the stored scene had that one already."""
        self._touched.add(edit.SEED)
        self._preview()

    def _show_scene(self) -> None:
        scene = self._controller.scene
        timeline = scene.timeline
        self.view.set_content(rows_of(scene, self._card_of), timeline.duration, timeline.fps)
        self.header.show_timeline(timeline)
        self._show_playhead()

    def _card_of(self, pane: int) -> ControlSetCard | None:
        return self._controller.controls_card(pane)

    def _on_controls_found(self, *_: object) -> None:
        self._show_scene()  # now the ranges are known

    def _apply(self, scene: Scene, text: str, merge_key: object = None) -> None:
        self._controller.apply(scene, text, merge_key)

    # --- the hand -----------------------------------------------------------------------------------------------------

    def _on_scrubbed(self, time: float) -> None:
        self._set_playhead(time)
        if self.player.playing:
            self.player.seek(time)
        self._visit()

    def _on_stepped(self, frames: int) -> None:
        self.player.stop()
        self.go_to(self._playhead + frames / self._controller.scene.timeline.fps)

    def _on_jumped(self, where: int) -> None:
        timeline = self._controller.scene.timeline
        times = edit.key_times(timeline)
        if where == 1:
            target = next((time for time in times if time > self._playhead + 1e-6), timeline.duration)
        elif where == -1:
            target = next((time for time in reversed(times) if time < self._playhead - 1e-6), 0.0)
        else:
            target = 0.0 if where < 0 else timeline.duration
        self.player.stop()
        self._set_playhead(target)  # a key may stand between two frames
        self._visit()

    def _on_key_grabbed(self, row: int, index: int) -> None:
        self.player.stop()
        self._grabbed = self._controller.scene
        self._set_playhead(self.view.rows[row].times[index])
        self._visit()

    def _on_key_dragged(self, row: int, index: int, time: float, amount: float) -> None:
        if self._grabbed is None:
            return
        # From the scene at the grab, not from the last step: what the drag passed on its way leaves no trace.
        made = edit.with_key_moved(self._grabbed, self.view.rows[row], index, time, amount)
        self._controller.begin_gesture()
        self._apply(made, "Move keyframe", ("key", row, index, self._controller.gesture))
        self._settle()
        self._set_playhead(self.view.rows[row].times[index])
        self._preview()

    def _on_key_released(self, row: int, index: int) -> None:
        self._grabbed = None
        self._controller.end_gesture()

    def _on_key_added(self, row: int, time: float) -> None:
        self._apply(edit.with_key_added(self._controller.scene, self.view.rows[row], time), "Add keyframe")
        times = self.view.rows[row].times
        index = min(range(len(times)), key=lambda number: abs(times[number] - time))
        self.view.select((row, index))
        self._set_playhead(times[index])
        self._visit()

    def _connect(self) -> None:
        view, controller = self.view, self._controller
        header = self.header
        header.play_clicked.connect(self.toggle_play)
        header.key_clicked.connect(self.add_key)
        self.player.moved.connect(self._on_player_moved)
        self.player.playing_changed.connect(self._on_playing_changed)
        view.scrubbed.connect(self._on_scrubbed)
        view.scrub_ended.connect(self._preview)
        view.stepped.connect(self._on_stepped)
        view.jumped.connect(self._on_jumped)
        view.key_grabbed.connect(self._on_key_grabbed)
        view.key_dragged.connect(self._on_key_dragged)
        view.key_released.connect(self._on_key_released)
        view.key_added.connect(self._on_key_added)
        controller.changed.connect(self._on_changed)
        controller.moved.connect(self._on_moved)
        controller.origin_set.connect(self._on_origin_set)
        controller.loaded.connect(self.arrive)
        controller.catalogue.controls_found.connect(self._on_controls_found)


def _listed(scene: Scene) -> tuple[object, ...]:
    """What the rows depend on. A slider that moves is not among it, so a drag does not paint the timeline."""
    panes = tuple((pane.name, pane.controls, pane.model) for pane in scene.panes)
    return scene.timeline, scene.linked, scene.selected, panes
