"""Causal models in files: what is written comes back to the last bit, and every fault is one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch
from mechanisms_at_random import random_model
from torch import Tensor

from explorer.causal import model_file
from explorer.causal.fit_card import Dependence, FitCard, Normality
from explorer.causal.interventions import Hard
from explorer.causal.mechanisms.closed_form import ClosedForm
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.model import StructuralModel
from explorer.causal.noise_laws import STANDARD_NORMAL
from explorer.errors import CausalError, ExportError
from explorer.scene.causal_graph import CausalGraph, Variable

FIT = FitCard(
    variable="b", kind="linear_gaussian", reason="It was chosen.", rows=70, held_out_rows=15, parameters=3,
    held_out=-1.25, error=0.1, alone=-2.0, dependence=(Dependence(cause="a", correlation=0.1, p=0.4),),
    normality=Normality(skewness=0.0, kurtosis=0.1, p=0.9),
)  # fmt: skip


def chain() -> StructuralModel:
    """a → b → c, with numbers that no decimal fraction is."""
    variables = (Variable(name="c", unit="mm"), Variable(name="a", low=-9.0, high=9.0), Variable(name="b"))
    return StructuralModel(
        CausalGraph(variables=variables, edges=(("a", "b"), ("b", "c")), confounded=(("a", "c"),)),
        {
            "a": LinearGaussian.of((), (), 1 / 3, 2 / 7),
            "b": LinearGaussian.of(("a",), (0.1,), -1.0, 0.3),
            "c": LinearGaussian.of(("b",), (2 / 3,), 0.7, 1.1),
        },
    )


def test_a_model_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    model, path = chain(), tmp_path / "causes.safetensors"
    model_file.save(model, path, [FIT])
    back = model_file.load(path)
    assert back.graph == model.graph
    assert model_file.fits_in(path) == (FIT,)
    rows = model.sample(50, 1)
    again = back.sample(50, 1)
    assert all(torch.equal(rows[name], again[name]) for name in rows)
    acts = {"a": Hard(2.0)}
    assert torch.equal(model.counterfactual(rows, acts)["c"], back.counterfactual(rows, acts)["c"])
    assert torch.equal(model.log_prob(rows), back.log_prob(rows))


def test_what_cannot_be_kept_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "causes.safetensors"
    graph = CausalGraph(variables=(Variable(name="a"),))
    with pytest.raises(CausalError, match="'closed_form', which a file cannot hold"):
        model_file.save(StructuralModel(graph, {"a": ClosedForm((), STANDARD_NORMAL)}), path)
    with pytest.raises(CausalError, match="not finite"):
        model_file.save(StructuralModel(graph, {"a": LinearGaussian.of((), (), float("nan"), 1.0)}), path)
    assert not path.exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError):
        model_file.save(chain(), tmp_path / "file" / "causes.safetensors")


def changed(path: Path, change: Callable[[dict[str, Any], dict[str, Tensor]], object]) -> Path:
    """The file of :func:`chain` with another description or other tensors."""
    model_file.save(chain(), path)
    with safetensors.safe_open(path, "pt") as file:
        said = json.loads(file.metadata()["latent_explorer_causes"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    change(said, tensors)
    safetensors.torch.save_file(tensors, path, metadata={"latent_explorer_causes": json.dumps(said)})
    return path


FAULTS: dict[str, tuple[Callable[[dict[str, Any], dict[str, Tensor]], object], str]] = {
    "newer": (lambda said, _: said.update(format=2, graph=None), "newer Latent Explorer"),
    "no graph": (lambda said, _: said.pop("graph"), "is damaged .*graph"),
    "a circle": (lambda said, _: said["graph"]["edges"].append(["c", "a"]), "make a circle"),
    "a parent too many": (lambda said, _: said["graph"]["edges"].append(["a", "c"]), "the graph says a, b"),
    "a variable too few": (lambda said, _: said["mechanisms"].pop(), "not those of the variables"),
    "one twice": (lambda said, _: said["mechanisms"].append(said["mechanisms"][0]), "not those of the variables"),
    "unknown kind": (lambda said, _: said["mechanisms"][0].update(kind="oracle"), "'oracle'.* does not know"),
    "closed form": (lambda said, _: said["mechanisms"][0].update(kind="closed_form"), "does not know"),
    "no deviation": (lambda said, _: said["mechanisms"][0]["parameters"].pop("deviation"), "lacks 'deviation'"),
    "text": (lambda said, _: said["mechanisms"][0]["parameters"].update(deviation="1"), "where a number belongs"),
    "negative": (lambda said, _: said["mechanisms"][0]["parameters"].update(deviation=-1.0), "a deviation of -1.0"),
    "no scale": (
        lambda said, _: said["mechanisms"][0]["parameters"].update({"cause.0.scale": 0.0}), "a cause encoded with",
    ),
    "levels": (
        lambda said, _: said["mechanisms"][0]["parameters"].update({"cause.0.levels": 2.5}), "a whole number from",
    ),
    "levels of a number": (
        lambda said, _: said["mechanisms"][0]["parameters"].update(levels=3), "has 3 levels where 0 belong",
    ),
    "period": (
        lambda said, _: said["mechanisms"][0]["parameters"].update({"cause.0.period": 2.0}), r"slopes \(1, 1\)",
    ),
    "cause of another kind": (
        lambda said, _: said["graph"]["variables"][2].update(kind="cyclic", low=0.0, high=1.0),
        "takes 'b' for a variable of another kind",
    ),
    "unknown parent": (lambda said, _: said["mechanisms"][0].update(parents=["z"]), "but the graph says b"),
    "many levels": (
        lambda said, _: said["mechanisms"][0]["parameters"].update({"cause.0.levels": 10**9}), "a whole number from",
    ),
    "no tensor": (lambda _, tensors: tensors.pop("0000.bias"), "lacks 'bias'"),
    "shape": (lambda _, tensors: tensors.update({"0000.slopes": torch.zeros(2, 1)}), r"slopes \(2, 1\)"),
    "outputs": (
        lambda _, tensors: tensors.update({"0000.slopes": torch.zeros(1, 2), "0000.bias": torch.zeros(2)}),
        "2 outputs where 1 belong",
    ),
    "not a number": (lambda _, tensors: tensors["0002.slopes"].fill_(float("nan")), "else than finite numbers"),
    "integers": (lambda _, tensors: tensors.update({"0002.bias": torch.zeros(1, dtype=torch.int64)}), "finite numbers"),
    "stray": (lambda _, tensors: tensors.update({"0007.bias": torch.zeros(1)}), "unknown tensor '0007.bias'"),
    "stray of one": (lambda _, tensors: tensors.update({"0001.more": torch.zeros(1)}), "unknown tensor 'more'"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, fault: str) -> None:
    change, sentence = FAULTS[fault]
    path = changed(tmp_path / "causes.safetensors", change)
    with pytest.raises(CausalError, match=sentence) as caught:
        model_file.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_foreign_and_truncated_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "causes.safetensors"
    model_file.save(chain(), path)
    whole = path.read_bytes()
    for length in (0, 5, 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CausalError, match="not a readable causal model"):
            model_file.load(path)
    with pytest.raises(CausalError, match="not a readable causal model"):
        model_file.load(tmp_path / "nowhere.safetensors")
    safetensors.torch.save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(CausalError, match="not a causal model"):
        model_file.load(path)
    safetensors.torch.save_file({"x": torch.zeros(1)}, path, metadata={"latent_explorer_causes": "[" * 100_000})
    with pytest.raises(CausalError, match="is damaged"):
        model_file.load(path)


def test_models_of_every_kind_come_back_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "causes.safetensors"
    for seed in range(8):
        model = random_model(seed, 9)
        model_file.save(model, path)
        back = model_file.load(path)
        rows, again = model.sample(20, seed), back.sample(20, seed)
        assert all(torch.equal(rows[name], again[name]) for name in rows)
        assert torch.equal(model.log_prob(rows), back.log_prob(rows))
