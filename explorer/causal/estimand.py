"""What is computed of what is observed: sums and products of conditional probabilities. It writes itself as a formula;
its value in a table of levels is that of :mod:`explorer.causal.evaluation`. No torch, no numpy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Observed:
    """P(``names`` | ``fixed``) as it is observed."""

    names: tuple[str, ...]
    fixed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Product:
    """Of ``factors``; of none it is 1."""

    factors: tuple[Term, ...]


@dataclass(frozen=True)
class Summed:
    """``term``, summed over all values of ``over``: outside of it these variables are others."""

    over: tuple[str, ...]
    term: Term


@dataclass(frozen=True)
class Ratio:
    """``above`` divided by ``below``."""

    above: Term
    below: Term


Term = Observed | Product | Summed | Ratio


def product(factors: Iterable[Term]) -> Term:
    """The product of ``factors``, without brackets in it."""
    flat: list[Term] = []
    for factor in factors:
        flat.extend(factor.factors if isinstance(factor, Product) else (factor,))
    return flat[0] if len(flat) == 1 else Product(tuple(flat))


def summed(over: Iterable[str], term: Term) -> Term:
    """``term`` summed over ``over``; what sums to 1 is left out."""
    left = list(over)
    factors = list(term.factors) if isinstance(term, Product) else [term]
    while True:
        spare = next(
            (
                factor
                for factor in factors
                if isinstance(factor, Observed)
                and set(factor.names) <= set(left)
                and not any(set(factor.names) & free(other) for other in factors if other is not factor)
            ),
            None,
        )
        if spare is None:
            break
        factors.remove(spare)
        left = [name for name in left if name not in spare.names]
    rest = product(factors)
    return Summed(tuple(left), rest) if left else rest


def free(term: Term) -> frozenset[str]:
    """The variables on whose values that of ``term`` depends."""
    match term:
        case Observed(names, fixed):
            return frozenset((*names, *fixed))
        case Product(factors):
            return frozenset().union(*map(free, factors))
        case Summed(over, inner):
            return free(inner) - frozenset(over)
        case Ratio(above, below):
            return free(above) | free(below)


def names_in(term: Term) -> frozenset[str]:
    """All variables of which it takes observations."""
    match term:
        case Observed(names, fixed):
            return frozenset((*names, *fixed))
        case Product(factors):
            return frozenset().union(*map(names_in, factors))
        case Summed(_, inner):
            return names_in(inner)
        case Ratio(above, below):
            return names_in(above) | names_in(below)


def formula(term: Term, around: frozenset[str] | None = None) -> str:
    """``Σ_z P(y | x, z) P(z)``; a variable that is summed over while its name is taken outside has primes."""
    return _written(term, {name: name for name in free(term)} if around is None else {name: name for name in around})


def _written(term: Term, names: dict[str, str]) -> str:
    match term:
        case Observed(own, fixed):
            condition = f" | {', '.join(names[name] for name in fixed)}" if fixed else ""
            return f"P({', '.join(names[name] for name in own)}{condition})"
        case Product(factors):
            return " ".join(_bracketed(factor, names, last=factor is factors[-1]) for factor in factors) or "1"
        case Summed(over, inner):
            new = dict(names)
            for name in over:
                new[name] = f"{names[name]}'" if name in names else name
            return f"Σ_{{{', '.join(new[name] for name in over)}}} {_written(inner, new)}"
        case Ratio(above, below):
            return f"[{_written(above, names)}] / [{_written(below, names)}]"


def _bracketed(term: Term, names: dict[str, str], last: bool) -> str:
    text = _written(term, names)
    return f"({text})" if isinstance(term, Ratio) or (isinstance(term, Summed) and not last) else text
