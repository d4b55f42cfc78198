"""What is put where a text or a number belongs."""

from __future__ import annotations

TEXTS = (
    # What no line holds, or what turns it
    "\ud800", "a\udcffb", "a\0b", "\u202egpj.exe\u202c", "line\nbreak\r\nand\u2028more", "\x1b[2J\x1b[31m",
    "\x7f\x85\x9f", "\ufeff", "\u200b\u2066", "\uffff\ufffe", "e" + "\u0301" * 5000, "🏳️‍🌈" * 1000,
    # What is long, or has patterns try again and again
    "A" * 100_000, "'" * 5_000, "1" * 50_000 + "x", "." * 50_000, " " * 50_000 + "x", "-" * 20_000, "0." * 20_000,
    "(" * 3000, "[" * 3000, "\\" * 3001, "&lt;" * 9999,
    # What somebody may take for a place, a command or a pattern
    "layers.1000000000.weight", "../../../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "http://localhost:1/x",
    "%s%s%n", "{0.__class__}", "__import__('os').system('true')", "con", "<script>", "a,b;c|d\te",
    # What is nothing
    "", " ", "nan", "null",
)  # fmt: skip

NUMBERS = (
    0, -1, 1, 3, 17, 4096, 65_537, 10**7, 2**31 - 1, 2**31, -(2**31), 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64,
    -(2**63) - 1, 10**30, 10**300, 10**4000, 10**5000, -(10**6000), 0.0, -0.0, 0.5, 1e-320, 1e-40, 1e-7, 1e20, 3e38,
    4e38, 1e308, -1e308, float("nan"), float("inf"), -float("inf"),
)  # fmt: skip

PLAIN = (
    None, True, False, [], {}, [[]], [None], {"": None}, [0] * 100_000, ["a"] * 20_000, [[1, 2]] * 5_000,
)  # fmt: skip
