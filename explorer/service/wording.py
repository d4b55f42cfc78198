"""What the engine is at, in words for the user: the titles of jobs, and what a failure says has failed."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from explorer.discovery import registry as methods
from explorer.errors import ExplorerError
from explorer.scene.model import ControlSetRef, ModelRef, View
from explorer.service import requests


def doing(what: View | requests.Request) -> str:
    """What answering ``what`` is, as the beginning of a sentence: ``Finding the controls of PCA on shapes-qlae``."""
    match what:
        case View():
            return f"Drawing a picture of {_name(what.model)}"
        case requests.ListModels():
            return "Listing the models"
        case requests.ListFolder():
            return f"Listing the models in {Path(what.folder).name}"
        case requests.ListMethods():
            return "Listing the methods"
        case requests.OpenModel():
            return f"Opening {_name(what.model)}"
        case requests.FindControls():
            return f"Finding the controls of {search(what.model, what.controls)}"
        case requests.DescribeFile() | requests.ReadPath():
            return f"Reading {Path(what.path).name}"
        case requests.FindPlaces():
            return f"Finding where the picture stands along {search(what.model, what.controls)}"
        case requests.DrawLandscape():
            return f"Drawing the landscape of '{what.control}' of {search(what.model, what.controls)}"
        case requests.DrawTrajectory():
            return f"Drawing the steps of a picture of {_name(what.view.model)}"
        case requests.FindOutcome():
            return f"Finding what causes what along {search(what.model, what.controls)}"
        case requests.FindUnsteadiness():
            return f"Finding what is usual of {_name(what.view.model)}"
        case requests.DescribeCauses():
            return f"Describing the variables of {search(what.model, what.controls)}"
        case requests.CheckGraph():
            return f"Checking a graph by the rows of {_name(what.model)}"
        case requests.FindEffect():
            return f"Finding the effect of '{what.cause}' on '{what.effect}'"
        case requests.SuggestArrows():
            return f"Looking for arrows in the rows of {_name(what.model)}"
        case requests.CheckPicture():
            return f"Checking a picture of {_name(what.model)}"
        case requests.MeasureModel():
            return f"Measuring {_name(what.model)}"
        case requests.CompareMethods():
            return f"Comparing methods on {_name(what.model)}"
        case requests.ScanEffects():
            return f"Scanning the effects of {search(what.model, what.question.controls)}"
        case requests.ExportScene() | requests.ExportReports() | requests.ExportComparison() | requests.ExportEffects():
            return f"Exporting {Path(what.path).name}"
        case requests.SaveControls():
            return f"Saving {Path(what.path).name}"
        case requests.DrawSamples():
            return f"Drawing samples of {_name(what.model)}"
        case requests.TrainProbe():
            return f"Learning '{what.labels.attribute}' from labels"
        case requests.InvertPicture():
            return f"Finding the point of {_name(what.model)} for '{what.name}'"
        case requests.ListAttributes():
            return f"Listing the attributes of {_name(what.model)}"
        case _:
            return "What the window asked for"


def search(model: ModelRef, controls: ControlSetRef) -> str:
    """Which search it is: its method or its file, the model, and what is made of what it finds."""
    made = [f"{_found_by(controls)} on {_name(model)}"]
    if controls.without:
        made.append(f"orthogonal to {', '.join(controls.without)}")
    if controls.calibration is not None:
        along = " along the path" if controls.calibration == "arc" else ""
        made.append(f"in units of equal visible change{along}")
    if controls.like is not None:
        made.append(f"in the order of {_found_by(controls.like)}")
    return ", ".join(made)


def failure(error: BaseException, what: View | requests.Request) -> str:
    """One sentence for the user on why ``what`` was not done."""
    if isinstance(error, ExplorerError):
        return str(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "The device ran out of memory; close some panes, choose fewer steps, or a smaller model."
    said = str(error).strip().partition("\n")[0].rstrip(".")
    name = type(error).__name__
    reason = f"{name}: {said}" if said else name
    return f"{doing(what)} failed unexpectedly ({reason}); the engine's log has the details."


def sentence_of(error: BaseException, what: View | requests.Request) -> str:
    """One sentence for the user; unforeseen errors go to the log with their traceback."""
    if not isinstance(error, ExplorerError):
        traceback.print_exception(error, file=sys.stderr)
    return failure(error, what)


def _found_by(controls: ControlSetRef) -> str:
    """The title of a method, or the name of a file."""
    if controls.path:
        return Path(controls.path).name
    found = methods.methods().get(controls.method)
    return found.card.title if found else controls.method


def _name(model: ModelRef) -> str:
    return Path(model.path).name
