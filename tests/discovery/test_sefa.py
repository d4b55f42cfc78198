"""SeFa against numpy, against the authors' definition, and on generators."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import LAYERS, ToyGenerator, ToyVae

from explorer.controls.linear import LinearControl
from explorer.discovery.request import in_digits
from explorer.discovery.sefa import METHOD, semantic_factors
from explorer.errors import ControlError
from explorer.numerics.linalg import principal_angles


def _weights(seed: int, width: int, outputs: tuple[int, ...]) -> list[torch.Tensor]:
    source = torch.Generator().manual_seed(seed)
    scales = torch.linspace(2, 0.3, width)
    return [torch.randn(count, width, generator=source) * scales for count in outputs]


def test_what_the_layers_do_not_read_has_the_eigenvalue_0() -> None:
    """Fewer rows than dimensions: no rounding error is shown as if it were a small eigenvalue."""
    values, vectors = semantic_factors(_weights(3, 8, (2, 3)), False)
    assert (values[:5] > 1e-3).all()
    assert values[5:].tolist() == [0, 0, 0]
    np.testing.assert_allclose(torch.cat(_weights(3, 8, (2, 3))).double() @ vectors[5:].T, 0, atol=1e-6)


@given(st.integers(0, 2**16), st.integers(2, 12), st.lists(st.integers(1, 9), min_size=1, max_size=4), st.booleans())
@settings(max_examples=60, deadline=None)
def test_factors_are_the_right_singular_vectors(seed: int, width: int, outputs: list[int], normalised: bool) -> None:
    weights = _weights(seed, width, tuple(outputs))
    values, vectors = semantic_factors(weights, normalised)
    stacked = torch.cat(weights).double().numpy()
    if normalised:
        stacked = stacked / np.linalg.norm(stacked, axis=1, keepdims=True)
    _, singular, right = np.linalg.svd(stacked)
    expected = np.zeros(width)
    expected[: len(singular)] = singular**2
    np.testing.assert_allclose(values, expected, atol=1e-9 * expected[0])
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(width), atol=1e-9)
    gaps = np.abs(np.subtract.outer(expected, expected) + np.eye(width) * 1e9).min(1)
    for ours, theirs, gap in zip(vectors.numpy(), right, gaps, strict=True):
        if gap > 1e-4 * expected[0]:  # equal eigenvalues have no vectors of their own
            assert abs(ours @ theirs) >= 1 - 1e-5


def test_factors_are_those_of_the_authors_program_once_sorted() -> None:
    # genforce/sefa stacks the transposed weights, gives each column unit length, and takes eig of W Wᵀ.
    weights = _weights(0, 16, (24, 24, 40))
    stacked = np.concatenate([weight.double().numpy().T for weight in weights], axis=1)
    stacked = stacked / np.linalg.norm(stacked, axis=0, keepdims=True)
    found, columns = np.linalg.eig(stacked @ stacked.T)
    order = np.argsort(-found.real)
    values, vectors = semantic_factors(weights, normalised=True)
    np.testing.assert_allclose(values, found.real[order], rtol=1e-10)
    np.testing.assert_allclose(np.abs((vectors.numpy() * columns.real.T[order]).sum(1)), 1, atol=1e-10)


def test_factors_are_stationary_and_the_first_is_the_maximum() -> None:
    weights = _weights(3, 10, (30,))
    values, vectors = semantic_factors(weights, normalised=False)
    a = weights[0].double()
    torch.testing.assert_close(a.T @ (a @ vectors.T), values * vectors.T)  # equation 5: AᵀA n = λ n
    torch.testing.assert_close((a @ vectors.T).norm(dim=0) ** 2, values)
    random = torch.randn(1000, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    random /= random.norm(dim=1, keepdim=True)
    assert float((random @ a.T).norm(dim=1).max() ** 2) <= float(values[0])


def test_an_output_without_weights_does_not_spoil_the_normalisation() -> None:
    weight = _weights(1, 5, (6,))[0]
    weight[2] = 0
    values, _ = semantic_factors([weight], normalised=True)
    assert bool(values.isfinite().all())


@pytest.mark.parametrize("normalisation", ["rows", "none"])
def test_controls_on_a_generator(normalisation: str) -> None:
    generator = ToyGenerator()
    found = METHOD.discover(generator, 4, settings={"normalisation": normalisation})
    found.check(generator.card)
    assert found.space == "w"
    assert [control.card.name for control in found.controls] == ["SeFa 1", "SeFa 2", "SeFa 3", "SeFa 4"]
    _, vectors = semantic_factors(generator.first_affine_weights(), normalisation == "rows")
    w = generator.advance(generator.sample(range(50_000, 54_000)), "w").tensors["w"].double()
    for control, vector in zip(found.controls, vectors, strict=False):
        assert isinstance(control, LinearControl)
        direction = control.direction.double()
        torch.testing.assert_close(direction / direction.norm(), vector, atol=1e-6, rtol=0)
        # One unit is one standard deviation of w along the direction, here measured on other points.
        assert float(direction.norm()) == pytest.approx(float((w @ vector).std()), rel=0.06)
        assert control.card.figure.startswith("λ ")


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "0.0123"), (9.876, "9.88"), (609.4, "609"), (999.7, "1000"), (1021.3, "1021")]
)
def test_large_eigenvalues_have_no_exponent(value: float, text: str) -> None:
    assert in_digits(value) == text


def test_some_layers_give_other_directions_that_move_only_these() -> None:
    generator = ToyGenerator()
    found = METHOD.discover(generator, 3, settings={"first_layer": 1, "last_layer": 2})
    found.check(generator.card)
    assert {control.card.space for control in found.controls} == {"w_plus"}
    assert {control.card.layers for control in found.controls} == {(1, 2)}
    _, vectors = semantic_factors(generator.first_affine_weights((1, 2)), normalised=True)
    rows = torch.stack([control.direction for control in found.controls if isinstance(control, LinearControl)])
    assert float(principal_angles(rows, vectors[:3]).max()) < 1e-6
    latent = generator.advance(generator.sample([0]), "w_plus").tensors["w_plus"]
    moved = found.controls[0].move(latent, torch.ones(1)) - latent
    assert [bool(moved[0, layer].any()) for layer in range(LAYERS)] == [False, True, True, False]


def test_it_refuses_what_has_no_affine_layer_or_not_these_layers() -> None:
    with pytest.raises(ControlError, match="no such layer"):
        METHOD.discover(ToyVae(), 2)
    with pytest.raises(ControlError, match=r"Layers 2 to 9 .* layers 0 to 3"):
        METHOD.discover(ToyGenerator(), 2, settings={"first_layer": 2, "last_layer": 9})
    with pytest.raises(ControlError, match=r"11 controls .*'w' of 'toy' has 10 dimensions"):
        METHOD.discover(ToyGenerator(), 11)
