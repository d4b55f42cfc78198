"""The small models whose data are known, and the table of how well samples off the data are told."""

from __future__ import annotations

import dataclasses
import json
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from explorer.bench.off_data import table, toys
from explorer.bench.off_data.network import network_of
from explorer.bench.off_data.scores import scored
from explorer.bench.off_data.toys import Toy
from explorer.cli.main import run
from explorer.errors import Cancelled
from explorer.numerics.randomness import seeded
from explorer.numerics.renoise import noisings, renoised, score_of

scores = st.lists(st.integers(0, 6), min_size=1, max_size=12)


def small(toy: Toy) -> Toy:
    return dataclasses.replace(toy, steps=40, width=16, samples=120, betas=toy.betas[::3])


def silent(share: float) -> None:
    """Nobody looks on."""


class Exact(nn.Module):
    """In place of a network: the noise that is best predicted of a toy's data, which are a mixture of normals."""

    def __init__(self, toy: Toy) -> None:
        super().__init__()
        self._toy = toy

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        signal, noise = self._toy.schedule.mixture(float(times[0]))
        modes, total = self._toy.modes.double(), (signal * self._toy.spread) ** 2 + noise**2
        far = (x.double()[:, None] - signal * modes).square().sum(2)
        middle = torch.softmax(-far / (2 * total), 1) @ modes
        clean = middle + signal * self._toy.spread**2 / total * (x.double() - signal * middle)
        return ((x.double() - signal * clean) / noise).float()


def test_the_toys_are_what_they_say() -> None:
    grid = toys.gaussians()
    assert grid.modes.shape == (25, 2)
    assert grid.spacing == pytest.approx(0.7071, abs=1e-4)
    drawn = grid.draw(2000, seeded(0, 0))
    assert not grid.is_off(drawn).any()
    assert float(drawn.std(0).mean()) == pytest.approx(1.0, abs=0.05)  # what the noise of the schedule is measured by
    assert grid.is_off(grid.modes + torch.tensor([0.3, 0.0])).all()
    assert float(grid.schedule.alphas_cumprod()[-1]) < 1e-4

    rooms = toys.shapes()
    assert (len(rooms.modes), len(rooms.forbidden if rooms.forbidden is not None else ())) == (5 * 4 * 3 * 4, 260)
    assert not rooms.is_off(rooms.modes).any()
    assert not rooms.is_forbidden(rooms.modes).any()
    assert rooms.forbidden is not None
    assert rooms.is_off(rooms.forbidden).all()
    assert rooms.is_forbidden(rooms.forbidden).all()
    middle = (rooms.modes[0] + rooms.modes[-1]) / 2
    assert rooms.is_off(middle[None]).all()
    assert not rooms.is_forbidden(middle[None]).any()


@given(scores, scores)
def test_the_area_is_the_share_of_pairs_in_order(above: list[int], below: list[int]) -> None:
    pairs = [(a > b) + 0.5 * (a == b) for a in above for b in below]
    found = table.area(torch.tensor(above).float(), torch.tensor(below).float())
    assert found == pytest.approx(np.mean(pairs))
    assert table.area(torch.zeros(0), torch.ones(3)) is None
    assert table.area(torch.ones(3), torch.zeros(0)) is None


def test_of_the_exact_denoiser_the_probe_tells_every_sample_between_modes() -> None:
    toy = toys.gaussians()
    t = toy.schedule.step_of(0.075)
    exact = Exact(toy)
    on = toy.draw(300, seeded(0, 1))
    between = toy.modes[:20] + torch.tensor([toy.spacing / 2, 0.0])

    def denoised(x: Tensor) -> Tensor:
        return toy.schedule.clean(x, exact(x, torch.full((len(x),), float(t))), t)

    found = [score_of(renoised(denoised, x, *toy.schedule.mixture(t), noisings((2,))).variance) for x in (between, on)]
    assert table.area(*found) == 1.0


@pytest.mark.parametrize(("sampler", "steps"), [("ddpm", 300), ("ddim", 50)])
def test_what_the_exact_denoiser_draws_lies_on_the_data(sampler: str, steps: int) -> None:
    toy = dataclasses.replace(toys.gaussians(), samples=200)
    found = scored(toy, Exact(toy), sampler, steps, 0, silent)  # type: ignore[arg-type]
    assert float(toy.is_off(found.samples).float().mean()) < 0.03
    nearest = torch.cdist(found.samples, toy.modes).argmin(1)
    assert len(nearest.unique()) == 25
    assert found.probe.shape == found.window.shape == (200,)
    again = scored(toy, Exact(toy), sampler, steps, 0, silent)  # type: ignore[arg-type]
    assert torch.equal(found.samples, again.samples)
    other = scored(toy, Exact(toy), sampler, steps, 1, silent)  # type: ignore[arg-type]
    assert not torch.equal(found.samples, other.samples)


def test_a_training_is_seeded_can_be_stopped_and_is_done_once() -> None:
    toy = small(toys.gaussians())

    def stop(share: float) -> None:
        if share > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        network_of(toy, 0, stop)
    shares: list[float] = []
    first = network_of(toy, 0, shares.append)
    assert len(shares) == toy.steps
    assert shares[-1] == 1.0
    kept = network_of(toy, 0, stop)  # which is not called
    x, times = torch.randn(3, 2), torch.tensor([0, 40, 99])
    assert torch.equal(first(x, times), kept(x, times))
    assert not torch.equal(first(x, times), network_of(toy, 1, silent)(x, times))
    assert not torch.equal(first(x, times), network_of(dataclasses.replace(toy, steps=41), 0, silent)(x, times))


def test_training_lowers_the_error() -> None:
    toy = dataclasses.replace(small(toys.gaussians()), steps=400, width=64)
    alphas = toy.schedule.alphas_cumprod().float()
    source = seeded(5, 0)
    x, times = toy.draw(2000, source), torch.randint(len(alphas), (2000,), generator=source)
    noise, alpha = torch.randn(x.shape, generator=source), alphas[times][:, None]
    predicted = network_of(toy, 0, silent)(alpha.sqrt() * x + (1 - alpha).sqrt() * noise, times)
    assert float((predicted - noise).square().mean()) < 0.5


def test_the_command_prints_the_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("gaussians", "shapes"):
        monkeypatch.setattr(table, name, partial(small, getattr(toys, name)()))
    assert run(["bench", "--off-data", "--json"]) == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["off_data"]
    assert [(row["data"], row["sampler"], row["steps"]) for row in rows] == [
        ("gaussians", "ddpm", 100), ("gaussians", "ddim", 100), ("gaussians", "ddim", 50),
        ("shapes", "ddpm", 334), ("shapes", "ddim", 100), ("shapes", "ddim", 50),
    ]  # fmt: skip
    for row in rows:
        assert row["off"] == pytest.approx(
            row["between_share"] + (row["forbidden_share"] if row["data"] == "shapes" else 0.0), abs=1e-6
        )
        if row["off"] == 1.0:  # of so short a training
            assert row["probe"] is None
        else:
            assert row["probe"]["low"] <= row["probe"]["mean"] <= row["probe"]["high"]
    assert rows[0]["probe"] is not None
    assert run(["bench", "--off-data"]) == 0  # the networks are kept
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 7
    assert told[1].startswith("gaussians, ddpm in 100 steps, ")
    assert f"probe {rows[0]['probe']['mean']:.3f} (" in told[1]


def test_one_seed_alone_has_a_row_as_well() -> None:
    rows = table.table(lambda title: nullcontext(silent), (3,), [small(toys.gaussians())])
    assert all(row["probe"]["low"] == row["probe"]["high"] for row in rows)
