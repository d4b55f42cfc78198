"""Which numbers a field takes, and how it writes them. Plain values, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from explorer.scene.number_text import NumberError, check_within, number_text, read_number, read_whole

EXACT = 6  # decimals at most, where a field shows a least number of them
LONGEST_END = 11  # letters of an end of the range that a field makes room for


@dataclass(frozen=True)
class NumberFormat:
    """Numbers from ``low`` to ``high`` (None: no end), ``whole`` or with at least ``decimals`` (None: those they have).

    ``rounds``: at rest with no more than ``decimals``; ``step``: of an arrow key (None: a tenth of the value's power of
    ten); ``suffix``: the unit behind the number; ``special``: what is written in the place of ``low``; ``empty``: what
    an emptied field means.
    """

    low: float | None = None
    high: float | None = None
    whole: bool = False
    decimals: int | None = None
    rounds: bool = False
    step: float | None = None
    suffix: str = ""
    special: str = ""
    empty: float | None = None

    def read(self, text: str) -> float:
        """The number that is typed. Raises :class:`NumberError` for another text, and out of the range."""
        text = text.strip()
        if self.special and self.low is not None and text in ("", self.special):
            return self.low
        if not text and self.empty is not None:
            return self.empty
        value = self._parsed(text)
        check_within(value, self.low, self.high)
        return value

    def is_hopeless(self, text: str) -> bool:
        """Whether no number that would be taken begins with ``text``."""
        text = text.strip()
        if not text or text in self.special:
            return False
        for begun in (text, text + "0"):
            try:
                value = self._parsed(begun)
            except NumberError:
                continue
            return value * (value - self.clamped(value)) > 0  # further digits lead further away
        return True

    def text(self, value: float, at_rest: bool = True) -> str:
        """What the field writes, at rest or while it has the focus."""
        if self.special and value == self.low:
            return self.special
        text = number_text(value, self.decimals)
        if self.decimals is not None and not (self.rounds and at_rest):
            exact = number_text(round(value, EXACT))
            text = exact if len(exact.partition(".")[2]) > self.decimals else text
        return text + self.suffix

    def longest(self) -> tuple[str, ...]:
        """Texts that a field makes room for."""
        ends = ["000000" if end is None else number_text(end, self.decimals) for end in (self.low, self.high)]
        return (*(text[:LONGEST_END] + self.suffix for text in ends), self.special)

    def clamped(self, value: float) -> float:
        """The number of the range that is nearest to ``value``."""
        value = value if self.low is None else max(value, self.low)
        return self.kind(value if self.high is None else min(value, self.high))

    def kind(self, value: float | Decimal) -> float:
        """``value`` as the sort of number that it is here."""
        return int(value) if self.whole else float(value)

    def stepped(self, value: float, steps: int) -> float:
        """``value`` and so many steps, within the range, without the dust of binary fractions."""
        return self.clamped(self.kind(Decimal(repr(value)) + steps * self._stride(value, steps)))

    def _stride(self, value: float, steps: int) -> Decimal:
        if self.step is not None:
            return Decimal(repr(self.step))
        size = abs(Decimal(repr(value)))
        if not size:
            return Decimal("0.01")
        power = Decimal(1).scaleb(size.adjusted())
        # On its way to zero a power of ten belongs to the smaller numbers.
        return power / (100 if size == power and (steps < 0) == (value > 0) else 10)

    def _parsed(self, text: str) -> float:
        text = text.removesuffix(self.suffix.strip())
        return read_whole(text) if self.whole else read_number(text)
