"""The user's own torch network, as far as it can be used without running code of its file: a folder that
``latent-explorer train WORLD-predictor`` wrote. Other torch files are refused with the way to use them after all.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from explorer.attributes.onnx import LONGEST_NAME
from explorer.attributes.world import PredictorReader
from explorer.errors import ExplorerError, plain_text
from explorer.files import expanded
from explorer.generators.base import Generator
from explorer.reading import foreign
from explorer.scene.cards import ModelCard
from explorer.worlds.attributes import load_attributes, predicted_world
from explorer.worlds.predictor.files import CARD, CONFIG, WEIGHTS
from explorer.worlds.registry import all_worlds

CODE = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".tar", ".jit", ".ts", ".pt2")
TRAINED = "model"  # the folder within the folder that training writes


class TorchSource:
    """Claims folders, and files with the suffixes of torch."""

    name: ClassVar[str] = "torch"
    noun: ClassVar[str] = "attribute predictor"
    title: ClassVar[str] = "the folder of a trained attribute predictor"

    def claims(self, text: str) -> bool:
        path = expanded(text)
        return path.suffix.lower() in (*CODE, ".safetensors") or (path.is_dir() and text not in all_worlds())

    def files(self, text: str) -> tuple[Path, ...]:
        path = expanded(text)
        folder = _folder(path) or path
        return tuple(folder / name for name in (CONFIG, WEIGHTS, CARD)) if path.is_dir() else (path,)

    def open(self, text: str, model: ModelCard | None, generator: Generator | None = None) -> PredictorReader:
        """The reader in the folder ``text``. Raises :class:`ExplorerError` for a file that would have to be run."""
        path = expanded(text)
        if not path.is_dir():
            if not path.is_file():
                raise ExplorerError(f"'{text}' is not there; choose a file or a folder that is.")
            reason = (
                "holds weights, but not the network that they belong to"
                if path.suffix.lower() == ".safetensors"
                else "can only be used by running the code in it, which could do anything"
            )
            raise ExplorerError(
                f"'{path.name}' {reason}; export the network with torch.onnx.export and choose the .onnx file."
            )
        folder = _folder(path)
        if folder is None:
            raise ExplorerError(
                f"The folder '{text}' holds no attribute predictor; choose one that 'latent-explorer train "
                "WORLD-predictor' wrote, or the .onnx file of a classifier."
            )
        name = path.parent.name if folder == path and path.name == TRAINED else path.name
        device = None if generator is None else generator.device
        shown = plain_text(name or path.resolve().name, LONGEST_NAME)
        with foreign(folder, "an attribute predictor", ExplorerError):
            return PredictorReader(shown, load_attributes(folder, device))


def _folder(path: Path) -> Path | None:
    """The folder in or at ``path`` that holds a predictor, if one does."""
    return next((one for one in (path, path / TRAINED) if predicted_world(one)), None)


SOURCE = TorchSource()
