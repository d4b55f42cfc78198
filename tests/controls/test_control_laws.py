"""The laws that every kind of control keeps. A new kind adds its examples here, or the first test fails."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_fields import PlainField
from torch import Tensor
from toys import trajectory

from explorer.causal.base import Mechanism
from explorer.causal.coding import Axis, Coding
from explorer.causal.encoding import Encoding
from explorer.causal.mechanisms.categorical import Categorical
from explorer.causal.mechanisms.linear import LinearGaussian
from explorer.causal.mechanisms.wrapped import WrappedNoise
from explorer.causal.model import StructuralModel
from explorer.causal.predictor import Predictor
from explorer.controls import field as field_control
from explorer.controls.attribute_map import AttributeMap
from explorer.controls.base import Control
from explorer.controls.bent import BentControl
from explorer.controls.bindings import Bindings, Source
from explorer.controls.bound_controls import BoundControls
from explorer.controls.bound_intervention import BoundInterventionControl
from explorer.controls.class_blend import ClassControl
from explorer.controls.codebook import CodebookControl
from explorer.controls.conditional import TOLERANCE, ConditionalControl, direction
from explorer.controls.deformation import Deformation, DeformationControl
from explorer.controls.field import FieldControl
from explorer.controls.following import Flow
from explorer.controls.intervention import InterventionControl
from explorer.controls.linear import LinearControl
from explorer.controls.local_basis import LocalBasisControl
from explorer.controls.motion import WAYS, MotionControl
from explorer.controls.noise import NoiseControl
from explorer.controls.registry import kinds
from explorer.controls.rung import RungControl
from explorer.controls.scaled import ScaledControl, scaled
from explorer.controls.step_jacobian import StepJacobianControl
from explorer.controls.stepped import SteppedControl
from explorer.controls.towards import TowardsControl
from explorer.generators.base import Latent
from explorer.numerics.bending import Bend
from explorer.scene.cards import ControlCard, SpaceCard
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.model import StepWindow

CARD = ControlCard(name="c", space="s")


def _normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@st.composite
def linear(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """A direction of a vector space, of a picture-shaped space, or of some layers of w_plus."""
    seed = draw(st.integers(0, 2**16))
    scale = draw(st.sampled_from([1e-3, 1.0, 1e3]))
    match draw(st.sampled_from(["vector", "picture", "all layers", "some layers"])):
        case "vector":
            shape, direction, layers = (6,), _normal(seed, 6), None
        case "picture":
            shape, direction, layers = (2, 3, 3), _normal(seed, 2, 3, 3), None
        case "all layers":
            shape, direction, layers = (4, 5), _normal(seed, 4, 5), None
        case _:
            first = draw(st.integers(0, 3))
            shape, direction, layers = (4, 5), _normal(seed, 5), (first, draw(st.integers(first, 3)))
    card = ControlCard(name="c", space="s", layers=layers)
    return LinearControl(card, direction * scale), SpaceCard(shape=shape, layers=shape[0] if len(shape) == 2 else 0)


@st.composite
def codebook(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """A few values at uneven distances, on one number of a vector whose points lie between them and far beyond."""
    gaps = draw(st.lists(st.sampled_from([0.01, 0.1, 0.3, 2.0]), min_size=1, max_size=9))
    values = draw(st.sampled_from([-1.0, -0.5, 0.0])) + torch.tensor([0.0, *gaps]).cumsum(0)
    card = ControlCard(name="c", space="s", unit="codes", detents=(-1.0, 0.0, 1.0))
    return CodebookControl(card, values, draw(st.integers(0, 4)), 5), SpaceCard(shape=(5,))


@st.composite
def conditional(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """A direction of an affine map or of a network, kept or followed."""
    seed, depth = draw(st.integers(0, 2**16)), draw(st.integers(1, 3))
    widths = [5, *[7] * (depth - 1), 5]
    weights = tuple(_normal(seed + i, widths[i + 1], widths[i]) for i in range(depth))
    biases = tuple(_normal(seed + 9 + i, widths[i + 1]) for i in range(draw(st.integers(depth - 1, depth))))
    step, frozen = draw(st.sampled_from([0.1, 1.0])), draw(st.booleans())
    control = ConditionalControl(ControlCard(name="c", space="s"), weights, biases, step, frozen)
    return control, SpaceCard(shape=(5,))


@st.composite
def deformation(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """A shift that a network makes of the amount, with and without the amount itself on one axis."""
    numbers = iter(range(draw(st.integers(0, 2**16)), 2**20))
    width, hidden = 4, 6

    def some(*shape: int) -> Tensor:
        return _normal(next(numbers), *shape) / hidden**0.5

    shape = Deformation(
        (some(hidden, hidden), some(hidden, hidden), some(width, hidden)),
        (some(hidden), some(hidden)),
        (some(hidden), some(hidden), some(hidden)),
        (some(hidden), some(hidden), some(hidden)),
    )
    axis, step = draw(st.integers(-1, width - 1)), draw(st.sampled_from([0.1, 1.0, 30.0]))
    control = DeformationControl(ControlCard(name="c", space="s"), some(hidden), some(hidden), shape, axis, step)
    return control, SpaceCard(shape=(width,))


@st.composite
def rescaled(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """Another control in another unit, or turned round."""
    inner, space = draw(st.one_of(codebook(), linear()))
    factor = draw(st.sampled_from([-1.0, 0.1, 2.5, -3.0]))
    return ScaledControl(ControlCard(name="c", space="s", layers=inner.card.layers), inner, factor), space


@st.composite
def local_basis(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """A singular direction of a network of one or two layers, kept or followed."""
    seed, depth = draw(st.integers(0, 2**16)), draw(st.integers(1, 2))
    widths = [5, *[7] * (depth - 1), 6]
    control = LocalBasisControl(
        ControlCard(name="c", space="s"),
        tuple(_normal(seed + i, widths[i + 1], widths[i]) for i in range(depth)),
        tuple(_normal(seed + 9 + i, widths[i + 1]) for i in range(depth)),
        _normal(seed + 20, 6),
        draw(st.integers(0, 3)),
        draw(st.sampled_from([0.1, 3.0])),
        draw(st.sampled_from([0.5, 2.0])),
        draw(st.booleans()),
    )
    return control, SpaceCard(shape=(5,))


@st.composite
def class_blend(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """One of five classes."""
    return ClassControl(ControlCard(name="c", space="s"), draw(st.integers(0, 4)), 5), SpaceCard(shape=(5,))


@st.composite
def towards(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """Some rows of five, to a point or away from it."""
    first = draw(st.integers(0, 4))
    target = _normal(draw(st.integers(0, 99)), 5, 3)
    control = TowardsControl(
        ControlCard(name="c", space="s"), target, first, draw(st.integers(first, 4)), draw(st.booleans())
    )
    return control, SpaceCard(shape=(5, 3))


@st.composite
def stepped_offsets(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """An offset in each of some windows of noise, side by side or with gaps."""
    edges = sorted(draw(st.sets(st.integers(0, 16), min_size=2, max_size=6)), reverse=True)
    every = [StepWindow(high / 16, low / 16) for high, low in itertools.pairwise(edges)]
    windows = tuple(every[:: draw(st.sampled_from([1, 2]))])
    seed = draw(st.integers(0, 99))
    directions, sigmas = _normal(seed, len(windows), 2, 3, 3), _normal(seed + 1, len(windows)).abs()
    return SteppedControl(ControlCard(name="c", space="s"), directions, sigmas, windows), SpaceCard(shape=(2, 3, 3))


@st.composite
def step_jacobian(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """A direction of a picture, as long as no picture is there: along that of the example."""
    reference, scale = _normal(draw(st.integers(0, 99)), 2, 3, 3), draw(st.sampled_from([0.1, 20.0]))
    card = ControlCard(name="c", space="s")
    return StepJacobianControl(card, reference, torch.ones(4, 4), 1, 3, 2, 0.6, scale), SpaceCard(shape=(2, 3, 3))


@st.composite
def motion(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """A shift or a turn, of four numbers within seven."""
    step = draw(st.sampled_from([0.01, -0.3]))
    control = MotionControl(
        ControlCard(name="c", space="s"), draw(st.sampled_from(WAYS)), step, draw(st.integers(0, 3)), 7
    )
    return control, SpaceCard(shape=(7,))


@st.composite
def bent(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """A straight line in a bent copy of the space."""
    seed = draw(st.integers(0, 2**16))
    bend = Bend(_normal(seed, 2, 3, 3), _normal(seed + 1, 2, 3, 3))
    return BentControl(ControlCard(name="c", space="s"), _normal(seed + 2, 6), bend), SpaceCard(shape=(6,))


@st.composite
def field(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """A flow along a map, with and without time, on a whole space, on a sphere or on some layers."""
    seed, timed = draw(st.integers(0, 2**16)), draw(st.booleans())
    matrix, push = _normal(seed, 5, 5).double() / 5, _normal(seed + 1, 5).double() / 2
    last = draw(st.sampled_from([20.0, 2.0])) if timed else 0.0
    layers = draw(st.sampled_from([None, (1, 2)]))
    flow = Flow(
        draw(st.sampled_from([0.1, 1.0])),
        rate=1.0 if timed else 0.0,
        integrator="rk4",
        negative=draw(st.sampled_from(["reverse", "anti-field"])),
        sphere=layers is None and draw(st.booleans()),
    )
    control = FieldControl(
        ControlCard(name="c", space="s", layers=layers), PlainField(matrix, push, 1.0 if timed else 0.0, last), flow
    )
    return control, SpaceCard(shape=(5,)) if layers is None else SpaceCard(shape=(3, 5), layers=3)


@st.composite
def intervention(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """do() on a variable of a triangle, its first a number or a category."""
    first = draw(st.sampled_from([Variable(name="a"), Variable(name="a", kind="category", labels=("x", "y", "z"))]))
    slopes = draw(st.tuples(*[st.sampled_from([-2.0, 0.5, 3.0])] * 3))
    graph = CausalGraph(
        variables=(Variable(name="c"), first, Variable(name="b")), edges=(("a", "b"), ("a", "c"), ("b", "c"))
    )

    def line(*causes: Variable) -> LinearGaussian:
        encoding = Encoding.plain(causes)
        by = torch.tensor(slopes, dtype=torch.float64).repeat(2)[: encoding.width, None]
        predictor = Predictor(encoding, by, torch.zeros(1, dtype=torch.float64))
        return LinearGaussian(tuple(cause.name for cause in causes), predictor, 0.5)

    levels = Predictor(Encoding(()), torch.zeros(0, 3, dtype=torch.float64), torch.tensor([0.0, 1.0, -1.0]).double())
    mechanisms: dict[str, Mechanism] = {
        "a": Categorical((), levels) if first.levels else line(),
        "b": line(first),
        "c": line(first, Variable(name="b")),
    }
    axes = {name: Axis(index, 0.5 * index, 1.5) for index, name in enumerate(graph.names, start=1)}
    variable = draw(st.sampled_from(graph.names))
    control = InterventionControl(
        ControlCard(name="c", space="s"), variable, StructuralModel(graph, mechanisms), Coding(axes, 5)
    )
    return control, SpaceCard(shape=(5,))


class _Pictures:
    """A generator whose picture of a seed starts from normal numbers."""

    def sample(self, seeds: list[int], psi: float) -> Latent:
        return Latent({"s": torch.cat([_normal(seed % 1000, 1, 5) for seed in seeds])})

    def advance(self, latent: Latent, space: str) -> Latent:
        return latent


@st.composite
def noise(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """The noise of a variable of the triangle, or the picture's own."""
    inner, space = draw(intervention())
    assert isinstance(inner, InterventionControl)
    variable = draw(st.sampled_from(["", *inner.model.graph.names]))
    coding = Coding(inner.coding.axes, 5, own=1)
    control = NoiseControl(ControlCard(name="c", space="s"), variable, inner.model, coding)
    return control.prepare(_Pictures(), Latent({"s": torch.zeros(1, 5)})), space


@st.composite
def rung(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """Imagining, doing and seeing on the triangle."""
    inner, space = draw(intervention())
    assert isinstance(inner, InterventionControl)
    return RungControl(ControlCard(name="c", space="s"), inner.model, Coding(inner.coding.axes, 5, own=1)), space


@st.composite
def bound_intervention(draw: st.DrawFn) -> tuple[Control, SpaceCard]:
    """do() on an attribute that a linear map tells of a point: a number, an angle or one of three levels; or on a
    control beside them, straight or bent, which two of them follow."""
    seed, beside = draw(st.integers(0, 2**16)), draw(st.sampled_from(["", "straight", "bent"]))
    graph = CausalGraph(
        variables=(
            Variable(name="a"),
            Variable(name="b", kind="cyclic", low=0.0, high=1.0),
            Variable(name="c", kind="category", labels=("x", "y", "z")),
        ),
        edges=(("a", "b"),),
    )
    line = Predictor(Encoding.plain((graph.variable("a"),)), torch.tensor([[0.3]]).double(), torch.zeros(1).double())
    levels = Predictor(Encoding(()), torch.zeros(0, 3, dtype=torch.float64), torch.tensor([0.0, 1.0, -1.0]).double())
    wrapped = Predictor(line.encoding, torch.tensor([[0.3, 0.1]]).double(), torch.tensor([1.0, 0.2]).double())
    mechanisms: dict[str, Mechanism] = {
        "a": LinearGaussian.of((), (), 0.0, 1.0),
        "b": WrappedNoise(("a",), wrapped, 0.0, 1.0, 0.2),
        "c": Categorical((), levels),
    }
    read = graph.variables
    shape = (6,) if beside == "bent" else (2, 3)
    controls = BoundControls.none(shape)
    if beside:
        graph = CausalGraph(variables=(*read, Variable(name="d")), edges=(*graph.edges, ("d", "a")))
        mechanisms |= {"a": LinearGaussian.of(("d",), (0.5,), 0.0, 1.0), "d": LinearGaussian.of((), (), 0.0, 1.0)}
        way, bend = _normal(seed + 4, *shape), Bend(_normal(seed, 2, 3, 3), _normal(seed + 1, 2, 3, 3))
        along: Control = LinearControl(CARD, way) if beside == "straight" else BentControl(CARD, way, bend)
        controls = BoundControls({"d": along}, shape, _normal(seed + 5, 6).double(), torch.ones(1).double())
    attributes = AttributeMap.restore(
        read,
        {
            "mean": _normal(seed, 6) / 5,
            "axes": torch.linalg.qr(_normal(seed + 1, 6, 6))[0] * 1.5,
            "slopes": _normal(seed + 2, 6, 6) * torch.tensor([[5.0], *[[0.4]] * 5]),
            "constants": _normal(seed + 3, 6) / 10,
            "scales": torch.tensor([8.0, 1 / math.tau, 1.0]),
            "radius": torch.tensor([4.0]),
        },
    )
    source = Source("w", "w", "", {name: name for name in "abc"}, {"c": (0.0, 1.0, 2.0)})
    card = ControlCard(name="c", space="s", shows="value")
    variable = draw(st.sampled_from(graph.names))
    model = StructuralModel(graph, mechanisms)
    bindings = Bindings(graph.variables, attributes, source, controls)
    return BoundInterventionControl(card, variable, model, bindings), SpaceCard(shape=shape)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_control, "fields", lambda: {"plain": PlainField})


EXAMPLES: dict[str, Callable[[], st.SearchStrategy[tuple[Control, SpaceCard]]]] = {
    "bent": bent,
    "bound_intervention": bound_intervention,
    "class": class_blend,
    "codebook": codebook,
    "conditional": conditional,
    "deformation": deformation,
    "field": field,
    "intervention": intervention,
    "linear": linear,
    "local_basis": local_basis,
    "motion": motion,
    "noise": noise,
    "rung": rung,
    "scaled": rescaled,
    "step_jacobian": step_jacobian,
    "stepped": stepped_offsets,
    "towards": towards,
}
EVERY_KIND = st.one_of([example() for example in EXAMPLES.values()])
CHOOSING = {"noise", "rung"}
"""Kinds whose amounts are numbers of cases: a step has no slope."""
SLOPING = [name for name in sorted(EXAMPLES) if name not in CHOOSING]
AMOUNT = st.floats(-10, 10, width=32)


def test_every_kind_has_examples_here() -> None:
    # A change of weights moves no point, and bound ones that choose move those only that they are prepared for; their
    # laws are in test_weights_control.py, test_low_rank_control.py and test_bound_rungs.py.
    assert set(EXAMPLES) | {"weights", "low_rank", "bound_noise", "bound_rung"} == set(kinds())


def _bits(tensor: Tensor) -> Tensor:
    return tensor.contiguous().view(torch.int32 if tensor.dtype == torch.float32 else torch.int16)


@given(EVERY_KIND, st.integers(0, 2**16), st.sampled_from([0.0, -0.0]), st.sampled_from([torch.float32, torch.float16]))
@settings(max_examples=80, deadline=None)
def test_amount_zero_is_the_identity_bit_for_bit(
    example: tuple[Control, SpaceCard], seed: int, zero: float, dtype: torch.dtype
) -> None:
    control, space = example
    latent = _normal(seed, 3, *space.shape).to(dtype)
    latent.flatten()[::4] = -0.0
    moved = control.move(latent, torch.full((3,), zero))
    assert torch.equal(_bits(moved), _bits(latent))


@given(EVERY_KIND, st.integers(0, 2**16), st.lists(AMOUNT, min_size=3, max_size=3))
@settings(max_examples=80, deadline=None)
def test_a_batch_equals_its_rows(example: tuple[Control, SpaceCard], seed: int, amounts: list[float]) -> None:
    control, space = example
    latent = _normal(seed, 3, *space.shape)
    moved = control.move(latent, torch.tensor(amounts))
    assert moved.shape == latent.shape
    for row, amount in enumerate(amounts):
        one = control.move(latent[row : row + 1], torch.tensor([amount]))
        assert torch.equal(one[0], moved[row])


@given(EVERY_KIND, st.integers(0, 2**16), AMOUNT)
@settings(max_examples=50, deadline=None)
def test_the_same_question_has_the_same_answer(example: tuple[Control, SpaceCard], seed: int, amount: float) -> None:
    control, space = example
    latent = _normal(seed, 2, *space.shape)
    kept = latent.clone()
    first = control.move(latent, torch.full((2,), amount))
    assert torch.equal(first, control.move(latent, torch.full((2,), amount)))
    assert torch.equal(latent, kept)  # the argument is left alone


@given(EVERY_KIND, st.integers(0, 2**16), st.floats(-3, 3), st.floats(-3, 3))
@settings(max_examples=120, deadline=None)
def test_moves_compose_and_reverse_where_the_card_says_so(
    example: tuple[Control, SpaceCard], seed: int, a: float, b: float
) -> None:
    control, space = example
    laws = control.card.laws
    latent = _normal(seed, 1, *space.shape).double()

    def moved(start: Tensor, amount: float) -> Tensor:
        return control.move(start, torch.tensor([amount], dtype=torch.float64))

    if laws.composes:
        # A direction that is followed is integrated; the others are exact.
        error = TOLERANCE if isinstance(control, ConditionalControl) else 1e-9
        error = 1e-4 if isinstance(control, FieldControl) else error
        if isinstance(control, ConditionalControl) and not _turns_slowly(control, latent, a, b):
            return
        torch.testing.assert_close(moved(moved(latent, a), b), moved(latent, a + b), rtol=error, atol=error)
        torch.testing.assert_close(moved(moved(latent, a), -a), latent, rtol=error, atol=error)
        assert laws.negative == "reverse"


def _turns_slowly(control: ConditionalControl, latent: Tensor, a: float, b: float) -> bool:
    """Whether the direction turns by less than a tenth of a radian a step on the way there, back and on."""
    ways = [trajectory(control, latent, torch.linspace(0.0, end, 64)) for end in (a, a + b)]
    ways.append(trajectory(control, ways[0][-1], torch.linspace(0.0, b, 64)))
    ways.append(trajectory(control, ways[0][-1], torch.linspace(0.0, -a, 64)))
    along = [direction(control.weights, control.biases, way[:, 0].float()) for way in ways]
    return all(float((d[1:] * d[:-1]).sum(-1).min()) > math.cos(0.05) for d in along)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_where_the_card_says_that_moves_do_not_compose_they_do_not(name: str) -> None:
    """Else the card would warn of nothing."""
    apart: list[float] = []

    @given(EXAMPLES[name](), st.integers(0, 2**16))
    @settings(max_examples=40, deadline=None, database=None)
    def gather(example: tuple[Control, SpaceCard], seed: int) -> None:
        control, space = example
        if not control.card.laws.composes:
            latent = _normal(seed, 8, *space.shape).double()
            once, twice = torch.full((8,), 0.6).double(), torch.full((8,), 1.2).double()
            apart.append(float((control.move(control.move(latent, once), once) - control.move(latent, twice)).norm()))

    gather()
    assert not apart or max(apart) > 1e-3


@given(st.data(), st.integers(0, 2**16), AMOUNT, AMOUNT)
@settings(max_examples=60, deadline=None)
def test_two_of_a_kind_commute_where_the_card_says_so(data: st.DataObject, seed: int, a: float, b: float) -> None:
    """Two that a set could hold: of one space, of one bend, along two numbers of a vector."""
    name = data.draw(st.sampled_from(["linear", "deformation", "bent", "codebook"]))
    match name:
        case "linear":
            first: Control = LinearControl(CARD, _normal(seed, 6))
            second: Control = LinearControl(CARD, _normal(seed + 1, 6))
            shape = (6,)
        case "deformation":
            (first, space), (second, _) = data.draw(deformation()), data.draw(deformation())
            shape = tuple(space.shape)
        case "bent":
            bend = Bend(_normal(seed, 2, 3, 3), _normal(seed + 1, 2, 3, 3))
            first, second, shape = (
                BentControl(CARD, _normal(seed + 2, 6), bend),
                BentControl(CARD, _normal(5, 6), bend),
                (6,),
            )
        case _:
            first, second, shape = CodebookControl(CARD, CODES, 0, 3), CodebookControl(CARD, CODES, 2, 3), (3,)
    assert first.card.laws.commutes
    latent = _normal(seed, 2, *shape).double()
    by_a, by_b = torch.full((2,), a).double(), torch.full((2,), b).double()
    torch.testing.assert_close(
        second.move(first.move(latent, by_a), by_b), first.move(second.move(latent, by_b), by_a), rtol=1e-9, atol=1e-9
    )


@given(st.one_of([EXAMPLES[name]() for name in SLOPING]), st.integers(0, 2**16))
@settings(max_examples=80, deadline=None)
def test_a_control_s_velocity_is_the_derivative_of_its_move(example: tuple[Control, SpaceCard], seed: int) -> None:
    control, space = example
    latent = _normal(seed, 2, *space.shape).double()
    step = torch.full((2,), 1e-6, dtype=torch.float64)
    forward = (control.move(latent, step) - latent) / 1e-6
    back = (latent - control.move(latent, -step)) / 1e-6
    if control.card.laws.negative == "none":
        back = forward
    scale = float(forward.abs().max()) + 1.0
    # At a corner the sides differ, and it is their mean.
    torch.testing.assert_close(control.velocity(latent), (forward + back) / 2, rtol=0.02, atol=0.02 * scale)
    if control.offset is not None:
        torch.testing.assert_close(
            control.move(latent, torch.full((2,), 3.0).double()) - latent, 3 * control.velocity(latent)
        )


@given(st.one_of(codebook(), linear(), rescaled()), st.integers(0, 2**16), st.floats(-2, 2))
@settings(max_examples=80, deadline=None)
def test_a_value_is_where_a_point_stands_and_can_be_sent(
    example: tuple[Control, SpaceCard], seed: int, share: float
) -> None:
    control, space = example
    place = control.place
    latent = _normal(seed, 3, *space.shape)
    assert place is not None
    here = place.value(latent)
    assert torch.equal(place.amount_to(latent, here), torch.zeros(3, dtype=torch.float64))  # do(x = x) is the identity
    stops = place.stops()
    goal = torch.full((3,), stops[0] + (stops[-1] - stops[0]) * (share + 2) / 4 if stops else share).double()
    moved = control.move(latent.double(), place.amount_to(latent.double(), goal))
    torch.testing.assert_close(place.value(moved), goal, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", SLOPING)
def test_the_gradient_by_the_amount_is_the_slope_of_the_move(name: str) -> None:
    """Where the move has one: at a corner it has two, and where a followed direction has ended it has none."""
    slopes: list[Tensor] = []

    @given(EXAMPLES[name](), st.integers(0, 2**16), AMOUNT.filter(lambda amount: amount != 0))
    @settings(max_examples=20, deadline=None, database=None)
    def gather(example: tuple[Control, SpaceCard], seed: int, amount: float) -> None:
        control, space = example
        latent = _normal(seed, 2, *space.shape).double().requires_grad_()
        seen_along = _normal(seed + 1, *space.shape).double()
        amounts = torch.full((2,), amount, dtype=torch.float64, requires_grad=True)

        def seen(by: float) -> Tensor:
            return (control.move(latent, amounts + by) * seen_along).flatten(1).sum(1)

        here = seen(0.0)
        here.sum().backward()
        assert latent.grad is not None
        assert amounts.grad is not None
        assert bool(latent.grad.isfinite().all() and amounts.grad.isfinite().all())
        with torch.no_grad():
            before, after = (here - seen(-1e-6)) / 1e-6, (seen(1e-6) - here) / 1e-6
        smooth = (after - before).abs() <= 1e-3 * after.abs()
        torch.testing.assert_close(amounts.grad[smooth], after[smooth], rtol=2e-3, atol=1e-7)
        slopes.append(after[smooth])

    gather()
    assert float(torch.cat(slopes).abs().max()) > 1e-4


@given(EVERY_KIND)
@settings(max_examples=30, deadline=None)
def test_it_fits_its_space_and_no_other(example: tuple[Control, SpaceCard]) -> None:
    control, space = example
    assert control.misfit(space) == ""
    wider = SpaceCard(shape=(*space.shape[:-1], space.shape[-1] + 1), layers=space.layers)
    assert str(space.shape[-1]) in control.misfit(wider)
    assert str(space.shape[-1] + 1) in control.misfit(wider)


@pytest.mark.parametrize(("first", "last"), [(0, 3), (1, 2), (2, 2)])
def test_a_linear_control_moves_its_layers_and_no_other(first: int, last: int) -> None:
    direction = torch.tensor([1.0, 0.0, 2.0])
    control = LinearControl(ControlCard(name="c", space="w_plus", layers=(first, last)), direction)
    latent = _normal(0, 2, 4, 3)
    moved = control.move(latent, torch.tensor([1.0, -2.0])) - latent
    for layer in range(4):
        inside = first <= layer <= last
        torch.testing.assert_close(moved[0, layer], direction * inside, atol=1e-6, rtol=0)
        torch.testing.assert_close(moved[1, layer], -2 * direction * inside, atol=1e-6, rtol=0)


def test_layers_outside_the_space_do_not_fit() -> None:
    direction = torch.ones(3)
    space = SpaceCard(shape=(4, 3), layers=4)
    for layers in ((2, 4), (-1, 2), (3, 2)):
        control = LinearControl(ControlCard(name="c", space="w_plus", layers=layers), direction)
        assert "4 layers" in control.misfit(space)
    flat = LinearControl(ControlCard(name="c", space="w", layers=(0, 1)), direction)
    assert "no layers" in flat.misfit(SpaceCard(shape=(3,)))


CODES = torch.tensor([-0.5, -0.2, 0.4, 0.5])


def stepped(start: float, *amounts: float) -> list[float]:
    control = CodebookControl(ControlCard(name="c", space="z"), CODES, axis=1, width=3)
    latent = torch.tensor([[7.0, start, -7.0]])
    path = trajectory(control, latent, torch.tensor(amounts))
    assert torch.equal(path[..., 0], latent[:, 0].expand(len(amounts), 1))
    assert torch.equal(path[..., 2], latent[:, 2].expand(len(amounts), 1))
    return [round(value, 4) for value in path[:, 0, 1].tolist()]


def test_whole_amounts_lead_from_code_to_code_and_fractions_between_them() -> None:
    assert stepped(-0.2, -1, 1, 2) == [-0.5, 0.4, 0.5]
    assert stepped(-0.2, 0.5, 1.5) == [0.1, 0.45]  # halfway from -0.2 to 0.4, and from 0.4 to 0.5
    control = CodebookControl(ControlCard(name="c", space="z"), CODES, axis=0, width=1)
    for first in range(4):
        for last in range(4):
            moved = control.move(CODES[first].reshape(1, 1), torch.tensor([float(last - first)]))
            assert torch.equal(moved[0], CODES[last : last + 1])  # to the bit


def test_from_between_two_codes_a_step_leads_as_far_between_the_next_two() -> None:
    assert stepped(0.1, 1, -1) == [0.45, -0.35]
    assert stepped(-0.35, 1) == [0.1]


def test_past_the_last_code_nearly_nothing_moves_and_the_way_back_is_there() -> None:
    assert stepped(0.5, 5) == [0.505]  # five steps of a hundredth of the gap of 0.1
    assert stepped(-0.5, -3) == [-0.509]
    assert stepped(0.505, -5, -6) == [0.5, 0.4]


@pytest.mark.parametrize("factor", [1.0, -2.0])
@pytest.mark.parametrize("start", [-0.5, 0.5, 0.1])  # the first value, the last one, midway between two
def test_the_stops_are_the_amounts_that_lead_to_the_values(start: float, factor: float) -> None:
    control: Control = CodebookControl(ControlCard(name="c", space="z"), CODES, axis=1, width=3)
    control = ScaledControl(control.card, control, factor) if factor != 1 else control
    latent = torch.tensor([[7.0, start, -7.0]])
    assert control.place is not None
    assert control.place.stops() == (0.0, 1.0, 2.0, 3.0)
    ways = [control.place.amount_to(latent, torch.tensor([stop])) for stop in control.place.stops()]
    reached = torch.stack([control.move(latent, way)[0, 1] for way in ways])
    torch.testing.assert_close(reached, CODES, atol=1e-4, rtol=0)


def test_a_scaled_direction_has_no_stops() -> None:
    direction = LinearControl(ControlCard(name="c", space="z"), torch.ones(3))
    place = ScaledControl(direction.card, direction, 2.0).place
    assert place is not None
    assert place.stops() == ()


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [1.0, 0.0], [[0.0, 1.0]]])
def test_values_without_steps_between_them_make_no_control(values: list[float]) -> None:
    with pytest.raises(ValueError, match="do not ascend"):
        CodebookControl(ControlCard(name="c", space="z"), torch.tensor(values), axis=0, width=1)


def test_a_codebook_control_knows_its_place() -> None:
    with pytest.raises(ValueError, match="axis 3 of 3"):
        CodebookControl(ControlCard(name="c", space="z"), CODES, axis=3, width=3)
    card = ControlCard(name="c", space="z")
    kept = CodebookControl(card, CODES, axis=1, width=3)
    again = CodebookControl.restore(card, kept.tensors(), kept.parameters())
    assert (again.axis, again.width, again.values.tolist()) == (1, 3, CODES.tolist())
    for wrong in ({"axis": 1.0}, {"axis": True}, {"axis": -1}, {"width": "3"}):
        with pytest.raises(ValueError, match="axis"):
            CodebookControl.restore(card, kept.tensors(), {**kept.parameters(), **wrong})
    with pytest.raises(ValueError, match="int64"):
        CodebookControl.restore(card, {"values": CODES.long()}, kept.parameters())
    with pytest.raises(KeyError):
        CodebookControl.restore(card, {}, kept.parameters())


@given(
    st.one_of(codebook(), conditional(), linear()), st.sampled_from([-1.0, 0.5, -2.0]), st.integers(0, 2**16), AMOUNT
)
@settings(max_examples=50, deadline=None)
def test_a_scaled_control_goes_its_factor_times_as_far(
    example: tuple[Control, SpaceCard], factor: float, seed: int, amount: float
) -> None:
    control, space = example
    latent = _normal(seed, 2, *space.shape)
    made = scaled(control, factor)
    ends = made.card.low, made.card.high
    assert ends == tuple(sorted((control.card.low / factor, control.card.high / factor)))
    assert [one * factor for one in made.card.detents][:: 1 if factor > 0 else -1] == list(control.card.detents)
    expected = control.move(latent, torch.full((2,), factor * amount))
    torch.testing.assert_close(made.move(latent, torch.full((2,), amount)), expected)
    again = scaled(made, 1 / factor)  # the factors become one: nothing is wrapped twice
    torch.testing.assert_close(
        again.move(latent, torch.full((2,), amount)), control.move(latent, torch.full((2,), amount))
    )
    assert not isinstance(getattr(again, "inner", None), ScaledControl)


def test_a_scaled_control_knows_what_it_scales() -> None:
    inner = CodebookControl(ControlCard(name="c", space="z", detents=(-1.0, 0.0, 1.0)), CODES, axis=1, width=3)
    kept = scaled(inner, -2.0)
    assert kept.card.detents == (-0.5, 0.0, 0.5)
    again = ScaledControl.restore(kept.card, kept.tensors(), kept.parameters())
    latent = torch.tensor([[7.0, -0.2, -7.0]])
    assert torch.equal(again.move(latent, torch.tensor([-0.5])), kept.move(latent, torch.tensor([-0.5])))
    assert again.move(latent, torch.tensor([-0.5])).flatten().tolist() == pytest.approx([7.0, 0.4, -7.0])
    for wrong, sentence in (
        ({"factor": 0.0}, "a factor of 0.0"),
        ({"factor": float("nan")}, "a factor of nan"),
        ({"factor": 1}, "a factor of 1"),
        ({"kind": "magic"}, "unknown kind 'magic'"),
        ({"inner.axis": 5}, "axis 5 of 3"),
    ):
        with pytest.raises(ValueError, match=sentence):
            ScaledControl.restore(kept.card, kept.tensors(), {**kept.parameters(), **wrong})
    with pytest.raises(KeyError):
        ScaledControl.restore(kept.card, kept.tensors(), {"factor": 1.0})


@given(EVERY_KIND, st.integers(0, 2**16), AMOUNT, AMOUNT)
@settings(max_examples=60, deadline=None)
def test_what_was_moved_before_leaves_no_trace(
    example: tuple[Control, SpaceCard], seed: int, before: float, amount: float
) -> None:
    """Curves are kept while the hand moves along them: there, back over the start, and to the other side."""
    control, space = example
    latent = _normal(seed, 1, *space.shape)
    fresh = control.restore(control.card, control.tensors(), control.parameters())
    if isinstance(fresh, NoiseControl):
        fresh = fresh.prepare(_Pictures(), Latent({"s": torch.zeros(1, 5)}))
    for earlier in (before, -amount):
        control.move(latent, torch.full((1,), earlier))
    by = torch.full((1,), amount)
    assert torch.equal(control.move(latent, by), fresh.move(latent, by))
