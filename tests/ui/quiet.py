"""A client without an engine: remembers what it is asked, and answers at once on the same thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath

import msgspec

from explorer.scene.cards import (
    WITHOUT_END,
    ControlCard,
    ControlSetCard,
    MethodCard,
    ModelCard,
    OutputCard,
    Role,
    SpaceCard,
)
from explorer.scene.edit_text import EFFECT_UNIT
from explorer.scene.imports import ImportCard
from explorer.scene.measures import MeasureOptions, MeasureReport
from explorer.scene.model import ControlSetRef, ModelRef, Pane, Scene, Seed, View
from explorer.service import protocol, replies, requests
from explorer.service.replies import Frame
from explorer.service.requests import Request
from explorer.ui.state.controller import Controller


def pictures(height: int, width: int) -> OutputCard:
    """What the engine says of a model that makes coloured pictures of this size."""
    return OutputCard(
        kind="image",
        shape=(3, height, width),
        size=(height, width),
        text=f"{width}×{height}",
        description=f"{width} × {height} colour pictures",
    )


MODEL = ModelRef(path="toy", fingerprint="f00d")
CARD = ModelCard(
    name="toy",
    family="vae",
    family_title="VAE",
    path="toy",
    output=pictures(8, 12),
    spaces={"z": SpaceCard(shape=(4,), prior="normal")},
    fingerprint="f00d",
    shipped=True,
    methods=("latent_axes", "random"),
    interactive_steps=4,
    full_steps=50,
    most_steps=1000,
)
NAMES = ("azimuth", "hue", "size", "shape")


class QuietClient:
    """Draws a view as one flat colour that depends on its seed, once :meth:`draw` is called."""

    def __init__(self, on_reply: Callable[[object], None]) -> None:
        self.reply = on_reply
        self.sent: list[Request] = []
        self.shown: list[tuple[int, View]] = []
        self._due: dict[int, tuple[int, View]] = {}
        self._number = 0
        self._revision = 0
        self.answers_models = True  # and control sets; else the test answers
        self.models: tuple[ModelCard, ...] | None = (CARD,)  # None: the test lists them
        self.card = CARD  # of every model that is opened
        self.described: ImportCard | None = None  # what every file of another program holds; None: it is none
        self.discarded: list[Frame] = []

    def start(self) -> None: ...
    def close(self) -> None: ...
    def restart(self) -> None: ...
    def reserve(self, slot_bytes: int) -> None:
        self.reserved = slot_bytes

    def discard(self, frame: Frame) -> None:
        self.discarded.append(frame)

    def forget(self, view_id: int) -> None:
        self._due.pop(view_id, None)

    def next_request_id(self) -> int:
        self._number += 1
        return self._number

    def send(self, request: Request) -> None:
        self.sent.append(request)
        number = getattr(request, "request_id", 0)
        if isinstance(request, requests.ListModels):
            if self.models is not None:
                self.reply(replies.ModelList(request_id=number, models=self.models))
        elif isinstance(request, requests.ListMethods):
            self.reply(replies.MethodList(request_id=number, methods=()))
        elif isinstance(request, requests.DescribeFile):
            self.reply(replies.FileDescribed(request_id=number, card=self.described))
        elif not self.answers_models:
            return
        elif isinstance(request, requests.OpenModel):
            shipped = self.card.shipped and PurePath(request.model.path).name == self.card.name
            card = msgspec.structs.replace(self.card, shipped=shipped)
            self.reply(replies.ModelOpened(request_id=number, card=card))
        elif isinstance(request, requests.FindControls):
            self.reply(
                replies.ControlsFound(
                    request_id=number, model=request.model, controls=request.controls, card=controls(request.controls)
                )
            )

    def measure(self, model: ModelRef, options: MeasureOptions) -> int:
        number = self.next_request_id()
        self.send(requests.MeasureModel(request_id=number, model=model, options=options))
        return number

    def export_reports(self, reports: tuple[MeasureReport, ...], path: str) -> int:
        number = self.next_request_id()
        self.send(requests.ExportReports(request_id=number, reports=reports, path=path))
        return number

    def show_all(self, views: Mapping[int, View]) -> dict[int, int]:
        revisions = {}
        for view_id, view in views.items():
            self._revision += 1
            self.shown.append((view_id, view))
            self._due[view_id] = (self._revision, view)
            revisions[view_id] = self._revision
        return revisions

    def draw(self, **figures: float) -> int:
        """Answer every view that is due, with these ``figures`` of its frame; returns how many there were."""
        due, self._due = self._due, {}
        for view_id, (revision, view) in due.items():
            self._last = view
            made = frame(view_id, revision, view.quality.steps or self.card.full_steps)
            self.reply(msgspec.structs.replace(made, **figures))
        return len(due)

    def due(self) -> dict[int, int]:
        """View → the revision that is waited for."""
        return {view_id: revision for view_id, (revision, _) in self._due.items()}

    def send_old_frame(self, view_id: int) -> None:
        """A frame that was overtaken by those that were drawn."""
        self.reply(frame(view_id, 1))

    def pixels(self, frame: Frame) -> bytes:
        origin = self._last.start.origin
        seed = origin.seed if isinstance(origin, Seed) else 99
        return bytes([seed * 7 % 256, seed * 31 % 256, seed * 57 % 256, 255]) * (frame.width * frame.height)


def frame(view_id: int, revision: int, steps: int = 0) -> Frame:
    """A frame of 12 x 8 pixels, made in so many sampler steps."""
    return Frame(
        view_id=view_id, revision=revision, slot=0, ring="", asked=0, width=12, height=8, waited_ms=0, forward_ms=1,
        convert_ms=0, engine_ms=1, batch=1, device_memory=0, engine_memory=0, steps=steps,
    )  # fmt: skip


def controls(asked: ControlSetRef) -> ControlSetCard:
    """Four controls, named differently for each method, in the units that are asked for."""
    prefix = "" if asked.method == "latent_axes" else f"{asked.method} "
    unit = EFFECT_UNIT if asked.units == "effect" else "σ"
    return ControlSetCard(
        method=asked.method,
        title={"latent_axes": "Latent axes", "random": "Random"}.get(asked.method, asked.method),
        space="z",
        fingerprint="f00d",
        controls=tuple(ControlCard(name=prefix + name, space="z", unit=unit, low=-2, high=2) for name in NAMES),
        grows_to=WITHOUT_END if asked.method == "latent_axes" else 0,
    )


def tell_method(controller: Controller, name: str, role: Role) -> None:
    """Let ``controller`` know of the method ``name``, which the program uses as ``role``."""
    card = MethodCard(name=name, title=name, spaces=("z",), trained=False, paper="", role=role)
    controller.catalogue.methods[name] = card
    controller.catalogue.methods_changed.emit()


def controller_on(
    panes: int = 1, methods: tuple[str, ...] = ("latent_axes",), card: ModelCard = CARD
) -> tuple[Controller, QuietClient]:
    """A controller that shows the toy, as ``card`` describes it, in ``panes`` panes, and the client behind it."""
    made: list[QuietClient] = []

    def connect(on_reply: Callable[[object], None]) -> QuietClient:
        made.append(QuietClient(on_reply))
        made[0].card = card
        return made[0]

    controller = Controller(connect)
    made[0].reply(replies.Ready(version=protocol.PROTOCOL_VERSION, pid=1, device="cpu", precision="float32"))
    grid = tuple(Pane(controls=ControlSetRef(method=methods[number % len(methods)])) for number in range(panes))
    controller.load(Scene(model=MODEL, panes=grid, origin=Seed(3)))
    return controller, made[0]
