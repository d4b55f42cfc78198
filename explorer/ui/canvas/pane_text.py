"""What the canvas writes beside the pictures. Plain values, no Qt."""

from __future__ import annotations

from explorer.scene.cards import ControlSetCard
from explorer.scene.edit_text import edit_text
from explorer.scene.marks import shown_name
from explorer.scene.model import ControlSetRef, ModelRef, Pane, Scene, StoredLatent, own_picture
from explorer.scene.origin_text import start_text
from explorer.scene.steps import draft_texts, steps_at_rest
from explorer.scene.usual_text import MARK, unusual_text
from explorer.ui.state.catalogue import Catalogue
from explorer.ui.state.feed import Picture
from explorer.ui.state.job_list import JobList

WAITS = "The picture is drawn as soon as its controls are found."


def moved(scene: Scene, pane: Pane, controls: ControlSetCard | None = None, latest: str = "") -> str:
    """The control ``latest``, or where that is not moved the first that is, how far and in which unit, and how many
    others are moved. One whose amount is the number of a case comes after quantities: which case it is, titles and
    marks say. ``controls``: the pane's set, where it is known."""
    if not pane.edits:
        return ""
    cards = {card.name: card for card in controls.controls} if controls else {}
    of_cases = {name for name, card in cards.items() if card.cases is not None}
    last = min(pane.edits, key=lambda edit: (edit.control in of_cases, edit.control != latest))
    card = cards.get(last.control)
    more = f", {len(pane.edits) - 1} more" if len(pane.edits) > 1 else ""
    return f"{edit_text(scene, pane.controls, last, card)}{more}"


def in_its_place(catalogue: Catalogue, scene: Scene, pane: int, picture: Picture) -> tuple[str, bool]:
    """What stands in the place of a picture that could not be drawn, and whether that is a fault: it is none while its
    controls are still being looked for."""
    if catalogue.is_finding(scene.model_of(pane), scene.panes[pane].controls):
        return WAITS, False
    return picture.error, True


def start(catalogue: Catalogue, scene: Scene, pane: int) -> str:
    """Where the picture of pane number ``pane`` starts from; of one's own picture, what it is called."""
    own = own_picture(scene.origin_of(pane)) if scene.panes[pane].view == "original" else None
    if own is not None:
        return own.name
    return start_text(scene.start_of(pane), catalogue.model(scene.model_of(pane)))


def draft(catalogue: Catalogue, scene: Scene, picture: Picture) -> tuple[int, int] | None:
    """(steps of the picture, steps of a finished one) where the frame on the screen is a draft: the frame says."""
    if picture.frame is None or picture.view is None:
        return None
    card = catalogue.model(picture.view.model)
    at_rest = steps_at_rest(card, scene.quality) if card is not None else 0
    return (picture.frame.steps, at_rest) if 0 < picture.frame.steps < at_rest else None


def unusual(picture: Picture) -> str:
    """Why the model hardly draws the picture of the user's that this one starts from; empty where there is nothing to
    say."""
    origin = picture.view.start.origin if picture.view is not None else None
    return unusual_text(origin.own) if isinstance(origin, StoredLatent) and origin.own is not None else ""


def marks(
    catalogue: Catalogue, scene: Scene, picture: Picture, unsteady: tuple[str, str, str] | None = None
) -> tuple[str, ...]:
    """What has to be known of a picture beyond what it shows, the longest text first: that it is a draft, and what
    its controls remark, that it starts from a picture that the model hardly draws, and ``unsteady``, that it hardly
    draws this one."""
    if picture.view is not None and picture.view.view == "original":  # the model has not drawn it
        return ()
    steps = draft(catalogue, scene, picture)
    texts = [draft_texts(*steps)] if steps is not None else []
    if picture.frame is not None and picture.view is not None and picture.frame.remarks:
        (name, remark), *others = picture.frame.remarks.items()
        told = {(one.mark, one.about or other) for other, one in others} - {(remark.mark, remark.about or name)}
        more = f" (and {len(told)} more)" if told else ""  # two sliders may leave the same open
        shown = shown_name(scene, picture.view.controls, name)
        texts.append(
            (
                f"{remark.mark}: {shown} {remark.text}{more}",
                f"{remark.mark}: {remark.about or shown}{more}",
                remark.mark,
            )
        )
    if sentence := unusual(picture):
        texts.append((sentence, MARK, MARK))
    if unsteady is not None:
        texts.append(unsteady)
    if len(texts) < 2:
        return texts[0] if texts else ()
    return tuple(" · ".join(pair) for pair in zip(*texts, strict=True))


def sliders(catalogue: Catalogue, jobs: JobList, model: ModelRef, controls: ControlSetRef) -> str:
    """Why a pane with these ``controls`` has no sliders, or none that stay: empty where it has."""
    number = catalogue.search(model, controls)
    if number is not None:
        share = next((job.share for job in jobs.running() if job.request_id == number), 0.0)
        return f"search {share:.0%}" if share > 0 else "searching…"
    if catalogue.is_stopped(model, controls):
        return "search cancelled"
    return "no sliders" if catalogue.problem(model, controls) else ""
