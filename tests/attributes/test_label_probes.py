"""Labels of samples: their file, what a probe learns from them, and what cross-validation says beside chance."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from toys import ToyGenerator

from explorer.attributes.labels import LabelledSamples, cross_validated, wilson
from explorer.attributes.registry import open_reader
from explorer.errors import ExplorerError, is_misleading
from explorer.files import package_folder
from explorer.generators import registry as generators
from explorer.generators.base import Generator
from explorer.scene.labels import Label, Labels, decode_labels, encode_labels, load_labels, save_labels
from explorer.scene.model import Quality

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
label = st.builds(Label, seed=st.integers(0, 2**32 - 1), truncation_psi=finite, value=st.sampled_from([0, 1]))
many = st.builds(
    Labels,
    attribute=st.text(min_size=1, max_size=200).filter(lambda name: bool(name.strip()) and not is_misleading(name)),
    fingerprint=st.text(),
    model=st.text(),
    labels=st.lists(label, unique_by=lambda one: one.sample, max_size=8).map(tuple),
)


@given(many)
def test_a_file_keeps_labels(labels: Labels) -> None:
    assert decode_labels(encode_labels(labels)) == labels


def test_a_file_that_is_too_deep_to_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a":' * 100_000)
    with pytest.raises(ExplorerError, match=r"'a\.json' is not labels of samples"):
        load_labels(tmp_path / "a.json")


@given(many, label)
def test_a_sample_has_one_label(labels: Labels, one: Label) -> None:
    changed = labels.with_label(one)
    assert changed.labels[-1] == one
    assert not changed.problem()
    assert changed.with_label(one) == changed
    assert one.sample not in {other.sample for other in changed.without(*one.sample).labels}


def test_labels_are_written_whole_and_read_again(tmp_path: Path) -> None:
    labels = Labels(attribute="smile", fingerprint="f", labels=(Label(seed=1, value=1), Label(seed=2, value=0)))
    save_labels(labels, tmp_path / "smile.json")
    assert load_labels(tmp_path / "smile.json") == labels
    assert labels.positives == 1


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "holds no labels of samples"),
        (b"[]", "holds no labels of samples"),
        (b'{"format": 9}', "newer Latent Explorer"),
        (b'{"format":1,"attribute":"","fingerprint":"f"}', "the attribute has no name"),
        (b'{"format":1,"attribute":"a","fingerprint":"f","labels":[{"seed":-1,"value":1}]}', "outside 0 to 4294967295"),
        (b'{"format":1,"attribute":"a","fingerprint":"f","labels":[{"seed":1,"value":2}]}', "holds no labels"),
        (
            b'{"format":1,"attribute":"a","fingerprint":"f","labels":[{"seed":1,"value":1},{"seed":1,"value":0}]}',
            "labelled twice",
        ),
    ],
)
def test_other_files_are_refused(data: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_bytes(data)
    with pytest.raises(ExplorerError, match=rf"'odd.json'.*{sentence}|{sentence}"):
        load_labels(tmp_path / "odd.json")


@pytest.mark.parametrize(("seed", "psi", "fine"), [(0, 1.0, True), (2**32 - 1, 0.0, True), (2**32, 1.0, False)])
def test_seeds_of_labels_are_those_that_can_be_drawn(seed: int, psi: float, fine: bool) -> None:
    labels = Labels(attribute="a", fingerprint="f", labels=(Label(seed=seed, truncation_psi=psi, value=1),))
    assert (labels.problem() == "") == fine


@given(st.integers(1, 200), st.floats(0, 1))
def test_the_interval_is_wilsons(trials: int, share: float) -> None:
    successes = round(share * trials)
    expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_cross_validation_tells_learning_from_chance() -> None:
    source = np.random.default_rng(0)
    features = source.standard_normal((400, 20))
    separable = features @ source.standard_normal(20) > 0
    found = cross_validated(features, separable)
    assert found.accuracy > 0.93
    assert found.low <= found.accuracy <= found.high
    assert (found.count, found.folds) == (400, 5)
    assert found.chance == max(separable.mean(), 1 - separable.mean())
    blind = cross_validated(features, source.random(400) < 0.5)
    assert blind.low < 0.5 < blind.high
    rare = np.zeros(400, bool)
    rare[:40] = True
    assert cross_validated(features, rare).chance == 0.9
    # As many folds as there are of the rarer label.
    assert cross_validated(features[:30], np.arange(30) < 3).folds == 3
    with pytest.raises(ExplorerError, match="label at least two"):
        cross_validated(features[:30], np.arange(30) < 1)


def _bright(generator: Generator, count: int) -> Labels:
    """Whether a picture is brighter than most, labelled without error."""
    seeds = list(range(count))
    with torch.no_grad():
        means = generator.render(generator.sample(seeds), Quality()).mean((1, 2, 3))
    values = means > means.median()
    said = tuple(Label(seed=seed, value=1 if value else 0) for seed, value in zip(seeds, values, strict=True))
    card = generator.card
    return Labels(attribute="bright", fingerprint=card.fingerprint, model=card.name, labels=said)


def test_a_probe_on_pixels_learns_what_was_labelled(tmp_path: Path) -> None:
    generator = ToyGenerator()
    save_labels(_bright(generator, 120), tmp_path / "bright.json")
    reader = open_reader(str(tmp_path / "bright.json"), generator.card, generator)
    assert [(one.name, one.kind) for one in reader.attributes] == [("bright", "share")]
    with torch.no_grad():
        fresh = generator.render(generator.sample(range(1000, 1200)), Quality())
    shares = reader.read(fresh)[:, 0]
    assert ((shares >= 0) & (shares <= 1)).all()
    truth = fresh.mean((1, 2, 3)).numpy()
    assert np.corrcoef(shares, truth)[0, 1] > 0.8
    assert reader.digest == open_reader(str(tmp_path / "bright.json"), None, generator).digest
    assert reader.read(fresh[:0]).shape == (0, 1)


def test_every_sample_is_drawn_once_while_somebody_labels() -> None:
    generator = ToyGenerator()
    labels = _bright(generator, 40)
    labelled, before = LabelledSamples(generator), generator.rendered
    first = labelled.validated(labels)
    assert generator.rendered - before == 40
    assert first.accuracy > first.chance
    more = labels.with_label(Label(seed=900, truncation_psi=0.5, value=1))
    labelled.validated(more)
    labelled.probe(more)
    assert generator.rendered - before == 41
    # A sample's features do not depend on the samples drawn with it.
    alone = LabelledSamples(generator).rows(labels.labels[7:8])
    np.testing.assert_allclose(labelled.rows(labels.labels)[7:8], alone, atol=1e-5)


def test_a_sample_is_drawn_with_the_truncation_with_which_it_was_labelled() -> None:
    generator = ToyGenerator()
    labelled = LabelledSamples(generator)
    samples = [(3, 0.5), (4, 1.0), (3, 1.0), (5, 0.5), (6, 0.0)]
    rows = labelled.rows([Label(seed=seed, truncation_psi=psi, value=1) for seed, psi in samples])
    for row, (seed, psi) in zip(rows, samples, strict=True):
        with torch.no_grad():
            picture = generator.render(generator.sample([seed], psi), Quality())
        np.testing.assert_allclose(row, labelled.features(picture)[0], atol=1e-5)
    assert not np.allclose(rows[0], rows[2])


def test_a_model_of_a_world_is_probed_on_the_predictors_features() -> None:
    generator = generators.load(str(package_folder("models") / "shapes-btcvae"), torch.device("cpu"))
    labelled = LabelledSamples(generator)
    assert labelled.rows([Label(seed=0, value=1)]).shape == (1, 96)
    assert labelled.features.digest == open_reader("shapes").digest


def test_labels_that_cannot_be_learned() -> None:
    generator = ToyGenerator()
    labels = _bright(generator, 10)
    samples = LabelledSamples(generator)
    alike = msgspec.structs.replace(labels, labels=tuple(one for one in labels.labels if one.value))
    with pytest.raises(ExplorerError, match="All 5 labels of 'bright' say yes; label samples of the other kind too"):
        samples.probe(alike)
    with pytest.raises(ExplorerError, match="no labels of 'bright'"):
        samples.validated(msgspec.structs.replace(labels, labels=()))
    with pytest.raises(ExplorerError, match=r"samples of another model .*, not of 'toy'"):
        samples.probe(msgspec.structs.replace(labels, fingerprint="0" * 64))


def test_labels_need_the_model(tmp_path: Path) -> None:
    save_labels(_bright(ToyGenerator(), 4), tmp_path / "bright.json")
    with pytest.raises(ExplorerError, match="are of samples of 'toy', which are drawn again"):
        open_reader(str(tmp_path / "bright.json"), ToyGenerator().card)
