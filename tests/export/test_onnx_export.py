"""Generators written as ONNX graphs and opened again: the same pictures, of the same points."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from official_files import exported, own_stylegan2, write_official
from onnx_files import save_linear

from explorer.cli.main import run
from explorer.errors import ExportError
from explorer.export import onnx_graph
from explorer.generators import registry
from explorer.generators.base import Latent
from explorer.scene.model import Quality

CPU = torch.device("cpu")
SEEDS = (11, 12, 13, 14, 15)  # others than those that the export compares

MODELS = (
    ("shapes-btcvae", "", 0),
    ("faces-stylegan2", "", 0),
    ("faces-stylegan2", "w", 0),
    ("shapes-diffusion", "", 1),
    ("shapes-diffusion", "", 3),
    ("shapes-qlae", "", 0),
    ("known-curved", "", 0),
)


@pytest.mark.parametrize(("name", "space", "steps"), MODELS)
def test_a_model_is_the_same_as_a_graph(name: str, space: str, steps: int, tmp_path: Path) -> None:
    generator = registry.load(name, CPU)
    written = onnx_graph.write(generator, tmp_path / "a.onnx", space, steps)
    assert written.difference < 1e-4
    again = registry.load(str(tmp_path / "a.onnx"), CPU)
    first = space or next(iter(generator.card.spaces))
    assert list(again.card.spaces) == [written.space] == [first if first in ("w", "x_T") else "z"]
    assert again.card.shape == generator.card.shape
    assert again.card.licence == generator.card.licence
    assert "-1 to 1, as its description says" in again.card.runtime
    with torch.no_grad():
        latent = generator.advance(generator.sample(SEEDS), first)
        drawn = again.render(Latent({first: latent.tensors[first]}), Quality())
        alone = replace(latent, tensors={first: latent.tensors[first]})
        expected = generator.render(alone, Quality(steps=steps or generator.card.interactive_steps))
    torch.testing.assert_close(drawn, expected.clamp(-1, 1), atol=1e-4, rtol=0)
    assert float(drawn.std(0).mean()) > 0.01  # and the pictures are not all one
    if generator.card.spaces[first].prior == "normal":
        torch.testing.assert_close(again.sample(SEEDS).tensors[first], generator.sample(SEEDS).tensors[first])


def test_the_points_of_w_lie_as_those_of_the_model(tmp_path: Path) -> None:
    generator = registry.load("faces-stylegan2", CPU)
    note = onnx_graph.write(generator, tmp_path / "a.onnx", "w").note
    assert "mean and covariance" in note
    again = registry.load(str(tmp_path / "a.onnx"), CPU)
    assert "normal distribution" in again.card.notes
    seeds = range(20_000, 28_000)
    own = generator.advance(generator.sample(seeds), "w").tensors["w"].double()
    other = again.sample(seeds).tensors["w"].double()
    spread = float(own.T.cov().diagonal().mean().sqrt())
    torch.testing.assert_close(other.mean(0), own.mean(0), atol=0.1 * spread, rtol=0)
    torch.testing.assert_close(other.T.cov(), own.T.cov(), atol=0.1 * spread**2, rtol=0)


@pytest.mark.parametrize("space", ["z", "w"])
def test_a_conditional_model_takes_its_class(space: str, tmp_path: Path) -> None:
    """Where the points that go in are before the class; behind it, it is in them."""
    path = write_official(tmp_path / "a.pkl", exported(own_stylegan2(classes=3, label_width=4)), {})
    generator = registry.load(str(path), CPU)
    assert onnx_graph.write(generator, tmp_path / "a.onnx", space).difference < 1e-4
    again = registry.load(str(tmp_path / "a.onnx"), CPU)
    assert again.card.classes == (3 if space == "z" else 0)
    with torch.no_grad():
        latent = generator.advance(generator.sample(SEEDS), space)
        held = Latent({space: latent.tensors[space]}, latent.truncation_psi, latent.label)
        drawn, expected = again.render(held, Quality()), generator.render(held, Quality())
    torch.testing.assert_close(drawn, expected, atol=1e-4, rtol=0)


def test_truncation_is_within_the_graph(tmp_path: Path) -> None:
    generator = registry.load("faces-stylegan2", CPU)
    onnx_graph.write(generator, tmp_path / "a.onnx", psi=0.5)
    again = registry.load(str(tmp_path / "a.onnx"), CPU)
    assert "ψ 0.5" in again.card.notes
    latent = generator.sample(SEEDS, 0.5)
    with torch.no_grad():
        expected = generator.render(latent, Quality())
        drawn = again.render(Latent({"z": latent.tensors["z"]}), Quality())
    torch.testing.assert_close(drawn, expected, atol=1e-4, rtol=0)


def test_what_draws_otherwise_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph that was followed wrongly is found by running it."""
    generator = registry.load("shapes-btcvae", CPU)
    traced = onnx_graph._traced

    def wrong(drawing: torch.nn.Module, start: Latent, space: str) -> bytes:
        drawing.register_forward_pre_hook(lambda module, given: (given[0] * 1.5,))
        return traced(drawing, start, space)

    monkeypatch.setattr(onnx_graph, "_traced", wrong)
    with pytest.raises(ExportError, match="draws otherwise as an ONNX graph"):
        onnx_graph.write(generator, tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_the_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "a.onnx")
    assert run(["export-onnx", "shapes-btcvae", "-o", out]) == 0
    told = capsys.readouterr().out
    assert f"wrote {out}: z (10) to 64 × 64 colour pictures" in told
    found = re.search(r"largest difference from 'shapes-btcvae': (\S+) of a range of 2", told)
    assert found is not None
    assert 0 < float(found[1]) < 1e-4
    assert run(["render", out, "-o", str(tmp_path / "a.png"), "--seed", "3"]) == 0
    assert run(["inspect", out]) == 0
    told = capsys.readouterr().out
    assert "onnxruntime" in told
    assert "CPUExecutionProvider" in told


def test_refusals_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = str(save_linear(tmp_path / "graph.onnx"))
    for arguments, words in (
        (["shapes-btcvae", "-o", str(tmp_path / "a.pt")], "does not end in .onnx"),
        (["faces-stylegan2", "--space", "w_plus", "-o", str(tmp_path / "a.onnx")], "choose z or w"),
        (["shapes-diffusion", "--space", "h", "-o", str(tmp_path / "a.onnx")], "choose x_T"),
        (["pendulum-causaldiffae", "-o", str(tmp_path / "a.onnx")], "it has none from which it can be"),
        ([graph, "-o", str(tmp_path / "a.onnx")], "is a graph already"),
        (["nothing", "-o", str(tmp_path / "a.onnx")], "does not exist"),
    ):
        assert run(["export-onnx", *arguments]) == 2
        told = capsys.readouterr().err
        assert words in told, told
        assert told.count("\n") == 1 or "Writing" in told
    assert not (tmp_path / "a.onnx").exists()
