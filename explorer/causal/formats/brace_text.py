"""The text that DOT and DAGitty share: ``kind name { a -> b [key=value]; c }``, read into nodes and arrows.

Grammars: graphviz.org/doc/info/lang.html, and the parser of DAGitty. Nothing in the text is executed; it is walked
once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from explorer.causal.formats.base import MOST_LEVELS, MOST_VARIABLES, check_arrows, check_name
from explorer.errors import CausalError

Attributes = dict[str, str]

START = re.compile(r"\s*(?:strict\s+)?(?P<kind>digraph|graph|dag|pdag|mag|pag)\b(?P<name>[^{\[=;]*)\{", re.IGNORECASE)
_COMMENT = re.compile(r"\s+|//[^\n]*|/\*.*?\*/|(?m:^#[^\n]*)", re.DOTALL)
_TOKEN = re.compile(
    r'(?P<arrow>@->|<-@|<->|->|<-|--@|@-@|@--|--)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>-\.?\d[\w.]*|[\w.]+)|(?P<mark>[{}\[\]=,;:+])',
    re.DOTALL,
)
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset({"graph", "digraph", "node", "edge", "subgraph", "strict", "dag", "pdag", "mag", "pag", "bb"})


@dataclass
class Sketch:
    """What such a text says. ``kind``: its first word, in small letters; ``nodes``: name → attributes, in the order in
    which they come; ``arrows``: (name, sign, name, attributes)."""

    kind: str
    nodes: dict[str, Attributes] = field(default_factory=dict)
    arrows: list[tuple[str, str, str, Attributes]] = field(default_factory=list)


def kind_of(text: str) -> str:
    """The first word of such a text, in small letters; empty where it is none."""
    match = START.match(_without_comments_before(text))
    return match["kind"].lower() if match else ""


def read_braces(text: str) -> Sketch:
    """Raises :class:`CausalError` with the line where it is not understood."""
    return _Reader(_without_comments_before(text)).sketch


def quoted(name: str) -> str:
    """``name`` as both languages read it."""
    if _BARE.fullmatch(name) and name.lower() not in _RESERVED:
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def number(value: float) -> str:
    """Without an exponent, which DAGitty does not read."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def point(text: str) -> tuple[float, float] | None:
    """The two numbers of ``1.5,-2`` (a mark ``!`` at the end is left away); None where it is something else."""
    parts = text.strip().rstrip("!").split(",")
    if len(parts) < 2 or not all(
        re.fullmatch(r"[-+]?\d{0,9}(\.\d{0,20})?(e-?\d\d?)?", part.strip()) for part in parts[:2]
    ):
        return None
    try:
        across, down = (float(part) for part in parts[:2])
    except ValueError:  # no digit at all
        return None
    return across, down


def _without_comments_before(text: str) -> str:
    """Comments in front, blanked out, so that lines keep their numbers."""
    place = 0
    while match := _COMMENT.match(text, place):
        place = match.end()
    return "\n" * text.count("\n", 0, place) + text[place:]


class _Reader:
    """One token ahead; every loop takes at least one."""

    def __init__(self, text: str) -> None:
        self._text = text
        start = START.match(text)
        if start is None:
            raise CausalError("it does not begin with the kind of graph and a brace")
        self.sketch = Sketch(start["kind"].lower())
        self._line = 1
        self._tokens = self._split(start.end())
        self._kind, self._word = next(self._tokens)
        self._statements({}, 1)
        self._take("}")
        if self._kind != "end":
            raise self._fault("something follows after the last brace")

    def _split(self, place: int) -> Iterator[tuple[str, str]]:
        counted, line = 0, 1
        while place < len(self._text):
            if match := _COMMENT.match(self._text, place):
                place = match.end()
                continue
            line += self._text.count("\n", counted, place)
            counted, self._line = place, line
            match = _TOKEN.match(self._text, place)
            if match is None:
                raise self._fault(f"{self._text[place : place + 20].splitlines()[0]!r} is not understood")
            place = match.end()
            kind = str(match.lastgroup)
            yield kind, _unquoted(match[0]) if kind == "text" else match[0]
        self._line = line + self._text.count("\n", counted)
        while True:
            yield "end", ""

    def _fault(self, what: str) -> CausalError:
        return CausalError(f"line {self._line}: {what}")

    def _next(self) -> str:
        word = self._word
        self._kind, self._word = next(self._tokens)
        return word

    def _is(self, mark: str) -> bool:
        return self._kind == "mark" and self._word == mark

    def _take(self, mark: str) -> None:
        if not self._is(mark):
            raise self._fault(f"'{mark}' is missing" + (f" before {self._word[:20]!r}" if self._word else ""))
        self._next()

    def _statements(self, defaults: Attributes, level: int) -> list[str]:
        """What stands between braces; the names in it."""
        if level > MOST_LEVELS:
            raise self._fault("its brackets are nested too deeply")
        defaults, names = dict(defaults), dict[str, None]()
        while not self._is("}") and self._kind != "end":
            if self._is(";") or self._is(","):
                self._next()
            else:
                names.update(dict.fromkeys(self._statement(defaults, level)))
        return list(names)

    def _statement(self, defaults: Attributes, level: int) -> list[str]:
        if self._kind == "word" and self._word.lower() in ("graph", "node", "edge"):
            which = self._next().lower()
            if self._is("["):
                attributes = self._attributes()
                if which == "edge":
                    defaults.update(attributes)
                return []
            raise self._fault(f"no variable can be called {which!r}")
        first = self._names(level)
        if first is None:
            return []
        groups, signs = [first], []
        while self._kind == "arrow":
            signs.append(self._next())
            following = self._names(level)
            if following is None:
                raise self._fault("an arrow leads to no variable")
            groups.append(following)
        attributes = self._attributes() if self._is("[") else {}
        if not signs and len(first) == 1:
            self.sketch.nodes[first[0]].update(attributes)
        for before, sign, after in zip(groups, signs, groups[1:], strict=False):
            check_arrows(len(self.sketch.arrows) + len(before) * len(after))
            self.sketch.arrows += [(a, sign, b, {**defaults, **attributes}) for a in before for b in after]
        return [name for group in groups for name in group]

    def _names(self, level: int) -> list[str] | None:
        """One variable, or those between braces; None for ``key = value``, which says nothing of the graph."""
        if self._kind == "word" and self._word.lower() == "subgraph":
            self._next()
            if self._kind in ("word", "text"):
                self._next()
        if self._is("{"):
            self._next()
            names = self._statements({}, level + 1)
            self._take("}")
            return names
        if self._kind not in ("word", "text"):
            raise self._fault(
                f"{self._word[:20]!r} stands where a variable should" if self._word else "its end is missing"
            )
        name = self._value()
        if self._is("="):
            self._next()
            self._value()
            return None
        while self._is(":"):  # the side of a node at which an arrow ends
            self._next()
            self._value()
        check_name(name)
        self.sketch.nodes.setdefault(name, {})
        if len(self.sketch.nodes) > MOST_VARIABLES:
            raise self._fault(f"it has more than {MOST_VARIABLES} variables")
        return [name]

    def _value(self) -> str:
        if self._kind not in ("word", "text"):
            raise self._fault(f"{self._word[:20]!r} stands where a word should")
        value = self._next()
        while self._is("+"):
            self._next()
            value += self._value()
        return value

    def _attributes(self) -> Attributes:
        attributes: Attributes = {}
        while self._is("["):
            self._next()
            while not self._is("]"):
                if self._is(",") or self._is(";"):
                    self._next()
                    continue
                key = self._value()
                attributes[key.lower()] = ""
                if self._is("="):
                    self._next()
                    attributes[key.lower()] = self._value()
            self._take("]")
        return attributes


def _unquoted(text: str) -> str:
    return re.sub(r"\\(?:\r?\n|([\"\\]))", lambda match: match[1] or "", text[1:-1])
