"""What each request of the window is answered with."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import msgspec
from torch import Tensor

from explorer.causal.suggested import Method
from explorer.controls import control_set as control_sets
from explorer.controls.control_set import ControlSet
from explorer.discovery import registry as methods
from explorer.discovery.base import Watch
from explorer.engine.causal_graphs import CausalQuestions
from explorer.engine.engine import Engine
from explorer.engine.labelling import Labelling
from explorer.engine.selection import selected
from explorer.engine.unsteadiness import Unsteady
from explorer.errors import ModelError
from explorer.export import adapters, directions, effect_files, tables
from explorer.export import run as export
from explorer.export.embed import not_carried
from explorer.export.options import decode_options
from explorer.export.references import files_of
from explorer.files import expanded
from explorer.generators import registry as generators
from explorer.generators.models_folder import models_in
from explorer.importers import asking
from explorer.importers import registry as importers
from explorer.scene.cards import AttributeCard, ControlSetCard, ModelCard, OutputCard
from explorer.scene.imports import ImportCard
from explorer.scene.model import ControlSetRef, ModelRef
from explorer.service import replies, requests, wording
from explorer.service.reports import Reports

Job = (
    requests.ListModels | requests.ListFolder | requests.ListMethods | requests.OpenModel | requests.FindControls
    | requests.ExportScene | requests.MeasureModel | requests.ExportReports | requests.CompareMethods
    | requests.ExportComparison | requests.ScanEffects | requests.CheckPicture | requests.ExportEffects
    | requests.SaveControls | requests.FindPlaces | requests.DrawSamples | requests.TrainProbe | requests.ListAttributes
    | requests.DescribeFile | requests.ReadPath | requests.DrawLandscape | requests.FindOutcome
    | requests.DescribeCauses | requests.CheckGraph | requests.FindEffect | requests.SuggestArrows
    | requests.InvertPicture | requests.FindUnsteadiness | requests.DrawTrajectory
)  # fmt: skip


PREVIEW_EVERY = 0.25  # seconds


class Answers:
    """Answers requests with ``engine``. What raises becomes a refusal elsewhere (:mod:`explorer.service.jobs`)."""

    def __init__(self, engine: Engine, send: Callable[[replies.Reply], None]) -> None:
        self._engine = engine
        self._send = send
        self._labelling = Labelling(engine.shared)
        self._causal = CausalQuestions(engine)
        self._unsteady = Unsteady(engine)

    def answer(self, request: Job, reports: Reports) -> replies.Reply:
        """The reply to ``request``; ``reports`` takes its progress."""
        number = request.request_id
        match request:
            case requests.ListModels():
                problems = generators.plugged().problems
                return replies.ModelList(request_id=number, models=self._models(), plugin_problems=problems)
            case requests.ListMethods():
                return replies.MethodList(request_id=number, methods=methods.cards())
            case requests.ListFolder():
                # Nobody has asked for it just now, so it is no job that is listed.
                listed = models_in(expanded(request.folder), lambda share: reports.check())
                return replies.FolderListed(request_id=number, folder=request.folder, models=tuple(listed))
            case requests.OpenModel():
                return replies.ModelOpened(request_id=number, card=self._opened(request, reports))
            case requests.FindControls():
                return self._find(request, reports)
            case requests.DescribeFile():
                return replies.FileDescribed(request_id=number, card=_described(request))
            case requests.ReadPath():
                model = generators.describe(request.model.path, request.model.family)
                points = importers.read_path(Path(request.path), model, dict(request.answers))
                return replies.PathRead(request_id=number, points=points)
            case requests.FindPlaces():
                places = self._engine.places(request.model, request.controls, request.start, request.edits)
                return replies.PlacesFound(request_id=number, places=places)
            case requests.DrawLandscape():
                drawn = self._engine.landscape(
                    request.model,
                    request.controls,
                    request.start,
                    request.edits,
                    request.control,
                    request.plane,
                    request.time,
                )
                return replies.LandscapeDrawn(request_id=number, landscape=drawn)
            case requests.DrawTrajectory():
                seen = self._engine.trajectory(request.view, request.most, request.side, reports.check)
                return replies.TrajectoryDrawn(request_id=number, trajectory=seen)
            case requests.FindOutcome():
                outcome = self._engine.outcome(
                    request.model,
                    request.controls,
                    request.start,
                    request.edits,
                    request.spreads,
                )
                return replies.OutcomeFound(request_id=number, outcome=outcome)
            case requests.FindUnsteadiness():
                unsteadiness = self._unsteady.of(request.view, reports.progress(wording.doing(request)))
                return replies.UnsteadinessFound(request_id=number, unsteadiness=unsteadiness)
            case requests.DescribeCauses():
                told = self._causal.report(request.model, request.controls)
                return replies.CausesDescribed(request_id=number, report=told)
            case requests.CheckGraph():
                checked = self._causal.check(request.model, request.graph, request.controls)
                return replies.GraphChecked(request_id=number, check=checked)
            case requests.FindEffect():
                answer = self._causal.effect(
                    request.model,
                    request.graph,
                    request.cause,
                    request.effect,
                    request.values,
                    reports.progress(wording.doing(request)),
                    request.controls,
                )
                return replies.EffectFound(request_id=number, answer=answer)
            case requests.SuggestArrows():
                suggestion = self._causal.suggestion(
                    request.model,
                    request.graph,
                    cast("Method", request.method),
                    request.forbidden,
                    reports.progress("Looking for arrows"),
                    request.controls,
                )
                return replies.ArrowsSuggested(request_id=number, suggestion=suggestion)
            case requests.CheckPicture():
                progress = reports.progress("Checking the picture")
                check = self._engine.picture_check(request.model, request.question, progress)
                return replies.PictureChecked(request_id=number, model=request.model, report=check)
            case requests.MeasureModel():
                (measures,) = self._engine.measure([request.model], request.options, reports.progress("Measuring"))
                return replies.Measured(request_id=number, model=request.model, report=measures)
            case requests.CompareMethods():
                (report,) = self._engine.compare(
                    [request.model], request.options, reports.progress("Comparing methods"), waiting=reports.check
                )
                return replies.Compared(request_id=number, model=request.model, report=report)
            case requests.ScanEffects():
                question, progress = request.question, reports.progress("Scanning effects")
                scanned = self._engine.effects(
                    request.model, question.controls, question.options, progress, reports.waiting("Scanning effects")
                )
                return replies.EffectsScanned(request_id=number, model=request.model, report=scanned)
            case requests.DrawSamples():
                return self._samples(request)
            case requests.TrainProbe():
                return self._probe(request)
            case requests.ListAttributes():
                return self._attributes(request)
            case requests.InvertPicture():
                return self._inverted(request, reports)
            case _:
                start = time.perf_counter()
                path = self._written(request, reports)
                note = not_carried(path) if isinstance(request, requests.ExportScene) else ""
                seconds = time.perf_counter() - start
                return replies.Exported(request_id=number, path=str(path), seconds=seconds, note=note)

    # --- models and controls -------------------------------------------------------------------------------------

    def _opened(self, request: requests.OpenModel, reports: Reports) -> ModelCard:
        card = self._engine.card(request.model, reports.progress(wording.doing(request)))
        reports.check()  # a model that was loaded all the same stays unseen
        return card

    def _models(self) -> tuple[ModelCard, ...]:
        """The cards of the shipped models; one that is broken says why in its notes."""
        cards = []
        for name in generators.shipped_models():
            try:
                cards.append(self._engine.describe(ModelRef(path=name)))
            except ModelError as error:
                cards.append(_broken(name, str(error)))
        return tuple(cards)

    def _find(self, request: requests.FindControls, reports: Reports) -> replies.ControlsFound:
        number, model, controls = request.request_id, request.model, request.controls
        title = f"Finding controls: {wording.search(model, controls)}"

        def shown(found: ControlSet) -> ControlSetCard:
            limit = methods.grows_to(controls, self._engine.generator(model).card)
            return msgspec.structs.replace(found.card, grows_to=limit)

        def preview(found: ControlSet) -> None:
            told = replies.ControlsPreview(request_id=number, model=model, controls=controls, card=shown(found))
            self._send(told)

        watch = Watch(reports.progress(title), preview)
        found = self._engine.control_set(model, controls, watch, reports.waiting(title))
        return replies.ControlsFound(
            request_id=number, model=model, controls=controls, card=shown(found), references=files_of(model, controls)
        )

    # --- labelling -----------------------------------------------------------------------------------------------

    def _samples(self, request: requests.DrawSamples) -> replies.SamplesDrawn:
        drawn = self._labelling.draw(request.model, request.seeds, request.size, request.truncation_psi)
        return replies.SamplesDrawn(
            request_id=request.request_id,
            model=request.model,
            seeds=request.seeds,
            width=drawn.shape[2],
            height=drawn.shape[1],
            pictures=tuple(one.tobytes() for one in drawn),
        )

    def _probe(self, request: requests.TrainProbe) -> replies.ProbeTrained:
        found = self._labelling.validated(request.model, request.labels)
        positives = request.labels.positives
        return replies.ProbeTrained(
            request_id=request.request_id,
            attribute=request.labels.attribute,
            accuracy=found.accuracy,
            chance=found.chance,
            low=found.low,
            high=found.high,
            n_positive=positives,
            n_negative=len(request.labels.labels) - positives,
        )

    def _attributes(self, request: requests.ListAttributes) -> replies.AttributeList:
        reader = self._labelling.reader(request.model, request.attributes)
        cards = tuple(
            AttributeCard(
                name=one.name,
                kind=one.kind,
                unit=one.unit,
                period=one.period,
                levels=one.levels,
                labels=one.labels,
            )
            for one in reader.attributes
        )
        return replies.AttributeList(request_id=request.request_id, name=reader.name, attributes=cards)

    # --- pictures of one's own -----------------------------------------------------------------------------------

    def _inverted(self, request: requests.InvertPicture, reports: Reports) -> replies.PictureInverted:
        from explorer.inversion.own_picture import Seen, png_of

        number, last, read = request.request_id, 0.0, list[Seen]()

        def tell(picture: bytes = b"", psnr: float = 0.0) -> None:
            original, reading = read[0].png, read[0].reading
            told = replies.InversionPreview(
                request_id=number, original=original, reading=reading, picture=picture, psnr=psnr
            )
            self._send(told)

        def on_read(seen: Seen) -> None:
            read.append(seen)
            tell()

        def preview(picture: Tensor, psnr: float) -> None:
            nonlocal last
            now = time.perf_counter()
            if now - last >= PREVIEW_EVERY:
                last = now
                tell(png_of(picture), psnr)

        found = self._engine.inverted(
            request.model,
            Path(request.path) if request.path else request.data,
            request.name,
            request.options,
            reports.progress(wording.doing(request)),
            preview,
            on_read,
        )
        return replies.PictureInverted(
            request_id=number,
            model=request.model,
            point=found.point,
            picture=png_of(found.picture),
            stopped=found.stopped,
            note="Stopped; the best so far is kept" if found.stopped else "",
        )

    # --- files ---------------------------------------------------------------------------------------------------

    def _written(
        self,
        request: requests.ExportScene
        | requests.ExportReports
        | requests.ExportComparison
        | requests.ExportEffects
        | requests.SaveControls,
        reports: Reports,
    ) -> Path:
        path = expanded(request.path)
        title = f"Exporting {path.name}"
        match request:
            case requests.ExportScene():
                options = decode_options(request.options)
                return export.run(self._engine, request.scene, path, options, reports.progress(title))
            case requests.ExportReports():
                return tables.write(path, request.reports)
            case requests.ExportComparison():
                # Here, because it brings scipy and every method, and no picture should wait for that.
                from explorer.export import compare_report

                return compare_report.write(self._engine, [request.report], path, reports.progress(title))
            case requests.ExportEffects():
                return effect_files.write(path, request.report)
            case requests.SaveControls():
                return self._saved(request, path, reports)

    def _saved(self, request: requests.SaveControls, path: Path, reports: Reports) -> Path:
        progress, waiting = reports.progress(f"Saving {path.name}"), reports.waiting(f"Saving {path.name}")

        def find(controls: ControlSetRef) -> ControlSet:
            return self._engine.control_set(request.model, controls, progress, waiting)

        found = selected(request.chosen, find, request.title)
        if path.suffix.lower() == ".safetensors" and not adapters.keys_in(path):
            control_sets.save(found, path)
        else:
            directions.write(found, path)
        return path


def _described(request: requests.DescribeFile) -> ImportCard | None:
    """What the file is to the model; None where it may be a model itself, or nothing at all."""
    path = Path(request.path)
    if request.may_be_model and (
        generators.identify(generators.resolve(request.path)).family or not importers.is_known(path)
    ):
        return None
    return asking.describe(path, generators.describe(request.model.path, request.model.family))


def _broken(name: str, sentence: str) -> ModelCard:
    """A card without spaces: listed with what is wrong, and opened by nobody."""
    nothing = OutputCard(kind="", shape=(), size=(0, 0), text="", description="")
    empty = ModelCard(name=name, family="", path=name, output=nothing, spaces={}, fingerprint="")
    return msgspec.structs.replace(empty, shipped=True, notes=sentence)
