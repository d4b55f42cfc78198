"""Texts and numbers as LaTeX prints them, and with all their digits."""

from __future__ import annotations

_SIGNS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\ensuremath{<}", ">": r"\ensuremath{>}",
    "|": r"\ensuremath{|}", '"': r"\textquotedbl{}", "−": r"\ensuremath{-}", "–": "--", "—": "---", "…": r"\ldots{}",
    "×": r"\ensuremath{\times}", "·": r"\ensuremath{\cdot}", "±": r"\ensuremath{\pm}", "°": r"\ensuremath{^\circ}",
    "²": r"\ensuremath{^2}", "≤": r"\ensuremath{\leq}", "≥": r"\ensuremath{\geq}", "→": r"\ensuremath{\to}",
    "‖": r"\ensuremath{\Vert}", "↑": r"\ensuremath{\uparrow}", "↓": r"\ensuremath{\downarrow}",
    "α": r"\ensuremath{\alpha}", "β": r"\ensuremath{\beta}", "γ": r"\ensuremath{\gamma}",
    "δ": r"\ensuremath{\delta}", "ε": r"\ensuremath{\epsilon}", "θ": r"\ensuremath{\theta}",
    "λ": r"\ensuremath{\lambda}", "μ": r"\ensuremath{\mu}", "ρ": r"\ensuremath{\rho}", "σ": r"\ensuremath{\sigma}",
    "τ": r"\ensuremath{\tau}", "φ": r"\ensuremath{\phi}", "χ": r"\ensuremath{\chi}", "ψ": r"\ensuremath{\psi}",
    "Σ": r"\ensuremath{\Sigma}",
}  # fmt: skip


def escaped(text: str) -> str:
    """``text`` as LaTeX prints it; letters of other scripts stay, for engines that read UTF-8."""
    return "".join(_SIGNS.get(sign, sign) for sign in " ".join(text.split()))


def in_math(text: str) -> str:
    """A number of :func:`explorer.scene.measure_text.figure` with a minus sign that LaTeX knows."""
    return f"${text.replace('−', '-')}$" if "−" in text else text


def comment(text: str) -> str:
    """``text`` as one line that LaTeX does not print."""
    return "% " + " ".join(text.split())


def digits(value: float | None) -> str:
    """A number with all its digits; nothing where there is none."""
    return "" if value is None else repr(float(value))
