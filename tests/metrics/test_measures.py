"""What holds for every measure of codes: no NaN and no warning on awkward codes, repeatable, named, with its null."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from known_codes import data_of, labels_of, noise, perfect, standard

from explorer.errors import ExplorerError
from explorer.metrics.base import Codes, Measure, scored
from explorer.metrics.beta_vae import BetaVae
from explorer.metrics.dci import Dci
from explorer.metrics.factor_vae import FactorVae
from explorer.metrics.registry import all_measures

QUICK: dict[str, Measure] = {
    "beta_vae": BetaVae(train=200, test=100),
    "dci": Dci(train=60, test=30, trees=5),
    "factor_vae": FactorVae(train=200, test=100),
}
MEASURES = {**all_measures(), **QUICK}
ABOVE_ONE = ("total_correlation_mean", "total_correlation_sampled", "wasserstein_correlation",
             "mutual_information_latents")  # fmt: skip


def awkward() -> dict[str, Codes]:
    """Codes that a measure may meet and its formula did not expect."""
    labels = labels_of((2, 3, 12), 240)
    source = np.random.default_rng(0)
    z = standard(labels) + 0.1 * source.standard_normal(labels.shape)
    rare = labels.copy()
    rare[:, 0] = 0
    rare[7, 0] = 1
    rare[:, 2] = np.arange(240) // 2
    correlated = labels.copy()
    correlated[:, 1] = correlated[:, 0]
    return {
        "perfect": data_of(z, labels),
        "constant": data_of(np.full((240, 3), 0.1), labels),
        "one constant": data_of(np.hstack([z, np.full((240, 1), 0.1)]), labels),
        "nearly constant": data_of(np.hstack([z, 0.1 + 1e-16 * source.integers(3, size=(240, 1))]), labels),
        "duplicated": data_of(np.hstack([z, z]), labels),
        "tiny": data_of(1e-150 * z, labels),
        "huge": data_of(1e12 * z, labels),
        "unlike scales": data_of(z * [1e-9, 1.0, 1e9], labels),
        "heavy tails": data_of(source.standard_cauchy((240, 3)) ** 3, labels),
        "quantised": data_of(np.round(3 * z) / 3, labels, discrete=True),
        "rare levels": data_of(z, rare),
        "equal factors": data_of(z, correlated),
        "one factor varies": data_of(z, labels * [0, 0, 1]),
        "no factor varies": data_of(z, labels * 0),
        "one latent": data_of(z[:, :1], labels),
        "no latents": data_of(z[:, :0], labels),
        "with draws": replace(data_of(z, labels), sampled=z + source.standard_normal(z.shape), kl=np.ones(3)),
    }


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("case", awkward())
def test_awkward_codes_give_a_number_or_a_reason(name: str, case: str) -> None:
    measure, data = MEASURES[name], awkward()[case]
    found = measure(data, 3)
    assert set(found) == set(measure.titles)
    for key, outcome in found.items():
        assert outcome.title == measure.titles[key]
        if outcome.value is None:
            assert outcome.note, key
        else:
            assert np.isfinite(outcome.value), key
            assert type(outcome.value) is float
            assert outcome.value >= -1e-9 or key in ("irs", "infoe"), key
            assert outcome.value <= 1 + 1e-9 or key in ABOVE_ONE, key
        assert all(part is None or np.isfinite(part) for part in outcome.parts.values()), key
    assert measure(data, 3) == found
    assert "\n" not in measure.estimator(data)


@pytest.mark.parametrize("name", MEASURES)
def test_a_null_stands_beside_every_number_and_too_few_pictures_are_refused(name: str) -> None:
    measure = MEASURES[name]
    data = perfect((2, 3, 4), n=measure.minimum, latents=4, dead=1.0)
    data = replace(data, sampled=data.codes + np.random.default_rng(0).standard_normal(data.codes.shape), kl=np.ones(4))
    shares: list[float] = []
    for score in scored(measure, data, permutations=2, progress=shares.append).values():
        assert score.value is not None
        assert score.null is not None
        assert score.null_high is not None
        assert score.null_high >= score.null - 1e-12
        if measure.better == "higher":
            assert score.value > score.null_high
    assert shares[-1] == 1.0
    few = noise(n=measure.minimum - 1)
    with pytest.raises(ExplorerError, match=f"needs at least {measure.minimum} pictures"):
        scored(measure, few)
