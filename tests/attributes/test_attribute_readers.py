"""Which reader a text names, what worlds read, several readers as one, and files that would have to be executed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from toys import ToyGenerator, ToyVae

from explorer.attributes.base import Source
from explorer.attributes.registry import default_reader, files_of, open_reader, sources
from explorer.errors import ExplorerError
from explorer.files import package_folder
from explorer.generators import registry as generators
from explorer.worlds import registry as worlds
from explorer.worlds.attributes import attributes_of
from explorer.worlds.base import Factor
from explorer.worlds.predictor.network import PredictorConfig, PredictorNetwork, save_predictor

HUE = Factor("hue", (0.0, 0.25, 0.5, 0.75), cyclic=True)
KIND = Factor("kind", (0.0, 1.0, 2.0), kind="category", labels=("a", "b", "c"))
SIZE = Factor("size", (1.0, 2.0, 3.0), unit="px")


@pytest.fixture
def predictor(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = PredictorConfig(world="mine", size=16, channels=1, widths=(4, 8), features=5, factors=(HUE, KIND, SIZE))
    save_predictor(PredictorNetwork(config), tmp_path / "mine" / "model")
    return tmp_path / "mine"


def _pictures(count: int, channels: int = 3, size: int = 64) -> torch.Tensor:
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(3)) * 2 - 1


def test_every_kind_of_source_is_found() -> None:
    found: dict[str, Source] = {one.name: one for one in sources()}
    assert set(found) == {"world", "torch", "onnx", "labels", "known_factors"}
    assert found["world"].claims("faces")
    assert not found["world"].claims("faces.json")


def test_a_world_is_read_by_its_predictor() -> None:
    reader, world = open_reader("shapes"), worlds.world("shapes")
    assert reader.name == "shapes"
    assert [one.name for one in reader.attributes] == list(world.names)
    hue, shape = reader.attributes[0], reader.attributes[4]
    assert (hue.kind, hue.period) == ("number", pytest.approx(1.0))
    assert (shape.kind, shape.levels, shape.labels) == ("category", world.factors[4].values, world.factors[4].labels)
    pictures = _pictures(3)
    np.testing.assert_array_equal(reader.read(pictures), attributes_of("shapes").measure(pictures))
    assert reader.read(pictures).dtype == np.float64
    assert reader.digest == open_reader("shapes").digest != open_reader("faces").digest
    with pytest.raises(ExplorerError, match="coloured pictures, and these are grey"):
        reader.read(_pictures(1, channels=1))
    with pytest.raises(ExplorerError, match="count, 1 or 3, height, width"):
        reader.read(_pictures(1, channels=2))


def test_a_world_of_grey_pictures_reads_the_luminance() -> None:
    reader, pictures = open_reader("sprites"), _pictures(4, channels=1)
    np.testing.assert_allclose(reader.read(pictures.repeat(1, 3, 1, 1)), reader.read(pictures), atol=1e-5)


def test_the_default_is_the_world_of_the_model() -> None:
    model = generators.load(str(package_folder("models") / "shapes-btcvae"), torch.device("cpu"))
    assert default_reader(model).name == "shapes"
    with pytest.raises(ExplorerError, match=r"'toy-vae' does not say what it was trained on; name the attributes"):
        default_reader(ToyVae())


def test_a_predictor_of_ones_own_is_read_from_its_folder(predictor: Path) -> None:
    for folder in (predictor, predictor / "model"):
        reader = open_reader(str(folder))
        assert reader.name == "mine"
        assert [one.name for one in reader.attributes] == ["hue", "kind", "size"]
        assert reader.read(_pictures(2, size=20)).shape == (2, 3)


def test_several_are_read_as_one(predictor: Path) -> None:
    pictures = _pictures(3)
    both = open_reader(f"shapes, {predictor}")
    assert both.name == "shapes + mine"
    parts = [open_reader("shapes").read(pictures), open_reader(str(predictor)).read(pictures)]
    np.testing.assert_array_equal(both.read(pictures), np.concatenate(parts, axis=1))
    assert [one.name for one in both.attributes][-3:] == ["hue", "kind", "size"]
    assert both.digest not in {open_reader("shapes").digest, open_reader(str(predictor)).digest}
    # Names that both have are told apart.
    names = [one.name for one in open_reader("sprites+shapes").attributes]
    assert {"scale (sprites)", "scale (shapes)", "x"} <= set(names)
    assert len(set(names)) == len(names)


def test_the_files_that_decide_what_is_read(predictor: Path) -> None:
    # A training writes its predictor into a folder of its own, beside a checkpoint that decides nothing.
    own = tuple(predictor / "model" / name for name in ("config.json", "model.safetensors", "card.json"))
    assert files_of(f"{predictor} + shapes, known_factors") == files_of(str(predictor / "model")) == own
    graph = predictor / "a,b.onnx"
    graph.write_text("")
    assert graph in files_of(str(graph))
    assert predictor / "a,b.json" in files_of(str(graph))
    assert files_of("labels.json,labels.json") == (Path("labels.json"),) * 2
    assert files_of("") == files_of(" , ") == files_of("nothing of the kind") == ()


def test_a_path_may_hold_a_comma(predictor: Path) -> None:
    odd = predictor.rename(predictor.parent / "a,b+c")
    assert len(open_reader(str(odd)).attributes) == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("face", "'face' is not .*the name of a world; did you mean 'faces'"),
        ("quantum", "'quantum' is not .*labels of samples .*; the worlds are .*faces"),
        ("faces,face", "did you mean 'faces'"),
        ("faces+faces", "names the same attributes twice"),
        ("no/such.onnx", "'no/such.onnx' is not there"),
        ("no/such.pt", "'no/such.pt' is not there"),
        ("no/such.json", "'no/such.json' cannot be read .*; choose a file"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ExplorerError, match=sentence):
        open_reader(text)


def test_nothing_named_needs_a_model() -> None:
    with pytest.raises(ExplorerError, match="No attributes are named"):
        open_reader("")
    card = msgspec.structs.replace(ToyGenerator().card, name="nameless")
    with pytest.raises(ExplorerError, match="'nameless' does not say"):
        open_reader("", card)


def test_networks_that_would_have_to_be_executed_are_refused(tmp_path: Path) -> None:
    class Planted:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "executed",))  # type: ignore[return-value]

    for name in ("net.pt", "net.pth", "net.pkl", "net.ts"):
        torch.save(Planted(), tmp_path / name)
        with pytest.raises(ExplorerError, match=rf"'{name}' can only be used by running .* torch.onnx.export"):
            open_reader(str(tmp_path / name))
    (tmp_path / "net.safetensors").write_bytes(b"")
    with pytest.raises(ExplorerError, match=r"holds weights, but not the network"):
        open_reader(str(tmp_path / "net.safetensors"))
    with pytest.raises(ExplorerError, match="holds no attribute predictor"):
        open_reader(str(tmp_path))
    assert not (tmp_path / "executed").exists()
