"""The gradient of a classifier: against differentiation, and against the released program written anew."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_fields import ended, trajectory
from torch import Tensor, nn

from explorer.controls.field import FieldControl
from explorer.controls.following import Flow
from explorer.fields.classifier import Classifier, ClassifierField, saturated
from explorer.fields.registry import fields
from explorer.scene.cards import ControlCard, SpaceCard

D, HIDDEN = 24, 6
TIME = torch.zeros(1, dtype=torch.float64)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def network(seed: int, classes: int, hidden: int | None = HIDDEN, steep: float = 1.0) -> nn.Sequential:
    """As the released program builds one."""
    layers: list[nn.Module] = [nn.Linear(D, classes)]
    if hidden:
        layers = [nn.Linear(D, hidden), nn.LeakyReLU(0.1), nn.Linear(hidden, classes)]
    made = nn.Sequential(*layers).double()
    with torch.no_grad():
        for index, parameter in enumerate(made.parameters()):
            parameter.copy_(steep * normal(seed + index, *parameter.shape) / parameter.shape[-1] ** 0.5)
    return made


def classifier(made: nn.Sequential) -> Classifier:
    layers = [layer for layer in made if isinstance(layer, nn.Linear)]
    return Classifier(tuple(one.weight.detach() for one in layers), tuple(one.bias.detach() for one in layers))


def probabilities(made: nn.Sequential, z: Tensor) -> Tensor:
    out: Tensor = made(z)
    return torch.sigmoid(out) if out.shape[1] == 1 else torch.softmax(out, 1)


def released(made: nn.Sequential, target: int, others: list[tuple[nn.Sequential, int]], z: Tensor) -> Tensor:
    """(B, d) the direction of one step of the released program, one point at a time: the slope of the probability by
    differentiation, 0 at the channels that sort last by the slope of the others, then unit length."""
    rows = []
    for point in z:
        row = point[None].clone().requires_grad_()
        (slope,) = torch.autograd.grad(probabilities(made, row)[0, target], row)
        mask = torch.ones(D, dtype=torch.float64)
        for other, channels in others:
            (own,) = torch.autograd.grad(probabilities(other, row)[0, 0], row)
            mask[torch.from_numpy(np.argsort(np.abs(own[0].numpy()))[-channels:].copy())] = 0
        moved = slope[0] * mask
        rows.append(moved / torch.linalg.vector_norm(moved))
    return torch.stack(rows)


def control(field: ClassifierField, **flow: object) -> FieldControl:
    return FieldControl(ControlCard(name="c", space="s"), field, Flow(**{"scale": 1.0, "unit_speed": True, **flow}))  # type: ignore[arg-type]


def by(amount: float, rows: int = 1) -> Tensor:
    return torch.full((rows,), amount, dtype=torch.float64)


@given(st.integers(0, 2**16), st.sampled_from([1, 3, 8]), st.sampled_from([None, HIDDEN]))
@settings(max_examples=40, deadline=None)
def test_it_is_the_gradient_of_the_probability(seed: int, classes: int, hidden: int | None) -> None:
    made = network(seed, classes, hidden)
    field = ClassifierField(classifier(made), target=seed % classes)
    z = normal(seed + 9, 4, D).requires_grad_()
    potential = field.potential(z, TIME)
    torch.testing.assert_close(potential, probabilities(made, z)[:, seed % classes], rtol=1e-12, atol=1e-12)
    (gradient,) = torch.autograd.grad(potential.sum(), z)
    torch.testing.assert_close(field.velocity(z, TIME), gradient, rtol=1e-10, atol=1e-10)
    assert field.nature == "gradient"


@pytest.mark.parametrize(("classes", "target"), [(1, 0), (4, 2)])
@pytest.mark.parametrize("counts", [(), (5,), (7, 3, 9)])
def test_it_goes_where_the_released_program_goes(classes: int, target: int, counts: tuple[int, ...]) -> None:
    made = network(1, classes)
    others = [(network(20 + 5 * index, 1), count) for index, count in enumerate(counts)]
    field = ClassifierField(classifier(made), target, tuple((classifier(other), count) for other, count in others))
    z = normal(3, 16, D)
    expected = released(made, target, others, z)
    velocity = field.velocity(z, TIME)
    unit = velocity / velocity.norm(dim=1, keepdim=True)
    torch.testing.assert_close(unit, expected, rtol=1e-6, atol=1e-6)
    # And so does a path of its steps of 4/9.
    one, moved = control(field, integrator="euler", step=4 / 9), z[:1]
    for _ in range(9):
        moved = moved + 4 / 9 * released(made, target, others, moved)
    torch.testing.assert_close(one.move(z[:1], by(4.0)), moved, rtol=1e-6, atol=1e-6)
    assert field.nature == ("both" if counts else "gradient")


def test_of_a_classifier_of_several_the_channels_of_any_class_are_left_out() -> None:
    other, z = network(5, 3), normal(1, 6, D)
    field = ClassifierField(classifier(network(1, 1)), 0, ((classifier(other), 4),))
    for row, point in enumerate(z):
        slopes = torch.autograd.functional.jacobian(lambda x: probabilities(other, x[None])[0], point)
        steepest = set(slopes.abs().amax(0).topk(4).indices.tolist())
        assert set((field.mask(z)[row] == 0).nonzero().flatten().tolist()) == steepest
        assert set((field.velocity(z, TIME)[row] == 0).nonzero().flatten().tolist()) == steepest


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("classes", "target"), [(1, 0), (3, 0), (3, 2)])
def test_a_saturated_classifier_still_has_its_direction(classes: int, target: int, dtype: torch.dtype) -> None:
    """Of one logit, that of the log odds; of several, that of the class that is least far behind."""
    made = network(2, classes, steep=60.0)
    field = ClassifierField(classifier(made), target)
    low = ClassifierField.restore({name: one.to(dtype) for name, one in field.tensors().items()}, field.parameters())
    z = normal(4, 8, D)
    assert bool(saturated(field.classifier.log_probabilities(z), 1e-4).all())
    velocity = low.velocity(z.to(dtype), TIME.to(dtype)).double()
    assert bool((velocity.norm(dim=1) > 0).all())
    x = z.clone().requires_grad_()
    logits = made(x)
    if classes == 1:
        value = logits[:, 0]
    else:
        # log p_c (1 - p_c), whose slope is that of log p_c where p_c is nearly 0 and of log (1 - p_c) where nearly 1.
        rest = torch.logsumexp(logits[:, [c for c in range(classes) if c != target]], 1)
        value = logits[:, target] - rest
    (slope,) = torch.autograd.grad(value.sum(), x)
    cosine = torch.cosine_similarity(velocity / velocity.abs().amax(1, keepdim=True), slope, dim=1)
    assert float(cosine.min()) > 1 - 1e-5
    # In float32 the released computation has nothing left there.
    if dtype is torch.float32:
        y = z.float().requires_grad_()
        (vanished,) = torch.autograd.grad(probabilities(made.float(), y)[:, target].sum(), y)
        assert bool((vanished.norm(dim=1) == 0).any())


def test_saturation_is_of_all_classes_at_once() -> None:
    known = torch.tensor([[0.5, 0.5], [0.9999, 0.0001], [1 - 1e-7, 1e-7]]).log()
    assert saturated(known, 1e-3).tolist() == [False, True, True]
    assert not bool(saturated(torch.tensor([[0.5, 0.5, 0.0]]).log(), 1e-3))


@given(st.integers(0, 2**16), st.sampled_from([0, 4]), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
@settings(max_examples=25, deadline=None)
def test_its_control_keeps_the_laws(seed: int, channels: int, a: float, b: float) -> None:
    excluded = ((classifier(network(seed + 50, 1)), channels),) if channels else ()
    field = ClassifierField(classifier(network(seed, 1)), 0, excluded)
    one = control(field, step=0.05)
    z = normal(seed + 1, 3, D)
    assert one.misfit(SpaceCard(shape=(D,))) == ""
    assert torch.equal(one.move(z, by(0.0, 3)), z)
    moved = one.move(z, by(a, 3))
    for row in range(3):
        assert torch.equal(one.move(z[row : row + 1], by(a))[0], moved[row])
    on, back, through = one.move(moved, by(b, 3)), one.move(moved, by(-a, 3)), one.move(z, by(a + b, 3))
    for row in range(3):
        low, high = min(0.0, a, a + b) - 0.1, max(0.0, a, a + b) + 0.1
        way = trajectory(one, z[row : row + 1], np.linspace(low, high, 60).tolist())
        # Between two corners the odds are linear and the way is straight. Where it crosses a corner the direction
        # jumps, and where it runs along one, there is no way back.
        if float((way[-1] - way[0]).norm()) > high - low - 1e-9:
            torch.testing.assert_close(on[row], through[row], rtol=1e-9, atol=1e-9)
            torch.testing.assert_close(back[row], z[row], rtol=1e-9, atol=1e-9)


def test_along_a_crease_there_is_no_way_back_and_the_card_says_so() -> None:
    """p rises along x on both sides of y = 0, and towards y = 0: the path runs into the crease and along it."""
    weight = torch.eye(D, dtype=torch.float64)[:2]
    down = Classifier(
        (weight, torch.tensor([[1.0, -1.0]]).double()), (torch.tensor([40.0, 0.0]).double(), torch.zeros(1).double())
    )
    steep = Classifier(
        (torch.cat([weight, -weight[1:]]), torch.tensor([[1.0, -1.0, -1.0]]).double()),
        (torch.tensor([40.0, 0.0, 0.0]).double(), torch.zeros(1).double()),
    )
    one, z = control(ClassifierField(steep), step=0.05), torch.zeros(1, D, dtype=torch.float64)
    z[0, 1] = 0.3
    assert not one.card.laws.composes
    assert one.card.laws.negative == "anti-field"
    back = one.move(one.move(z, by(1.0)), by(-1.0))
    assert float((back - z).norm()) > 0.1
    straight = Classifier((weight[:1],), (torch.zeros(1).double(),))
    assert control(ClassifierField(straight)).card.laws.composes
    assert not control(ClassifierField(straight, 0, ((down, 1),))).card.laws.composes


def test_a_path_ends_where_everything_is_left_out() -> None:
    """The target goes by one channel only, and that is the other's first."""
    weight = torch.zeros(1, D, dtype=torch.float64)
    weight[0, 3] = 1.0
    same = Classifier((weight,), (torch.zeros(1).double(),))
    one, z = control(ClassifierField(same, 0, ((same, 1),))), normal(0, 1, D)
    assert "has no direction" in ended(one, z, 1.0)
    assert torch.equal(one.move(z, by(1.0)), z)
    assert ended(control(ClassifierField(same)), z, 1.0) == ""


def test_it_moves_some_layers_by_what_it_is_at_the_first() -> None:
    field = ClassifierField(classifier(network(0, 1)))
    layered = FieldControl(ControlCard(name="c", space="s", layers=(1, 2)), field, Flow(1.0, unit_speed=True))
    z = normal(2, 1, 4, D)
    step = layered.move(z, by(0.1)) - z
    assert torch.equal(step[0, [0, 3]], torch.zeros(2, D).double())
    torch.testing.assert_close(step[0, 1], step[0, 2])
    alone = control(field).move(z[:, 1], by(0.1))
    torch.testing.assert_close(step[0, 1], (alone - z[:, 1])[0])


def test_it_is_among_the_kinds_and_is_kept() -> None:
    field = ClassifierField(
        classifier(network(0, 4)), 3, ((classifier(network(9, 1)), 2), (classifier(network(19, 2, None)), 5))
    )
    assert fields()["classifier"] is ClassifierField
    again = ClassifierField.restore(field.tensors(), field.parameters())
    z = normal(3, 4, D)
    assert torch.equal(again.velocity(z, TIME), field.velocity(z, TIME))
    assert (again.width, again.nature, again.times, again.target) == (D, "both", None, 3)
    with pytest.raises(KeyError):
        ClassifierField.restore(field.tensors(), {})
    with pytest.raises(ValueError, match="whole number"):
        ClassifierField.restore(field.tensors(), {**field.parameters(), "target": 1.5})


def test_what_does_not_fit_is_refused() -> None:
    one, narrow = classifier(network(0, 3)), Classifier((torch.ones(1, 4),), (torch.ones(1),))
    for wrong, sentence in (
        (lambda: ClassifierField(one, 3), "class 3 of 3"),
        (lambda: ClassifierField(one, 0, ((narrow, 2),)), "of width 4 beside 24"),
        (lambda: ClassifierField(one, 0, ((one, 24),)), "24 excluded channels of 24"),
        (lambda: Classifier((), ()), "no layers"),
        (lambda: Classifier((torch.ones(3, 4), torch.ones(1, 2)), (torch.ones(3), torch.ones(1))), "follow each other"),
        (lambda: Classifier((torch.ones(3, 4),), (torch.ones(2),)), "biases"),
    ):
        with pytest.raises(ValueError, match=sentence):
            wrong()
