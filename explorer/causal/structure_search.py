"""The process in which causal-learn searches: a table comes in on the standard input, arrows go out as JSON.

``python -m explorer.causal.structure_search``, started by :mod:`explorer.causal.suggestion`, which ends it when it
takes too long or is not wanted any longer.
"""

from __future__ import annotations

import io
import json
import os
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer import ending

Matrix = NDArray[np.float64]
Places = tuple[int, int]
"""The columns of a cause and its effect."""


def main() -> None:
    """Search, and write ``[[cause, effect], …]`` (columns); where a line has no direction it is there both ways."""
    ending.end_with_parent()
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the library prints is no part of the answer
    request = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    settings = json.loads(str(request["settings"]))
    forbidden = [(int(a), int(b)) for a, b in settings["forbidden"]]
    required = [(int(a), int(b)) for a, b in settings["required"]]
    data = np.asarray(request["data"], dtype=np.float64)
    if settings["method"] == "ges":
        marks = _ges(data, settings["levels"])
    else:
        marks = _pc(data, settings["test"], settings["alpha"], forbidden, required)
    answer.write(json.dumps(arrows_of(marks)))
    answer.close()


def arrows_of(marks: NDArray[np.int_]) -> list[Places]:
    """Of the matrix of causal-learn: ``marks[i, j]`` is the mark at i of the line from i to j, -1 a tail, 1 a head, 0
    no line. A line with two tails, or two heads, has no direction."""
    lines = [(i, j) for i in range(len(marks)) for j in range(len(marks)) if i != j and marks[i, j] and marks[j, i]]
    return [(i, j) for i, j in lines if marks[i, j] == marks[j, i] or marks[j, i] == 1]


def _pc(data: Matrix, test: str, alpha: float, forbidden: list[Places], required: list[Places]) -> NDArray[np.int_]:
    from causallearn.graph.GraphNode import GraphNode
    from causallearn.search.ConstraintBased.PC import pc
    from causallearn.utils.PCUtils.BackgroundKnowledge import BackgroundKnowledge

    nodes = [GraphNode(f"X{column + 1}") for column in range(data.shape[1])]
    known = BackgroundKnowledge()
    for cause, effect in forbidden:
        known.add_forbidden_by_node(nodes[cause], nodes[effect])
    for cause, effect in required:
        known.add_required_by_node(nodes[cause], nodes[effect])
    result: Any = pc(data, alpha, test, background_knowledge=known, show_progress=False)
    return np.asarray(result.G.graph)


def _ges(data: Matrix, levels: bool) -> NDArray[np.int_]:
    from causallearn.search.ScoreBased.GES import ges

    result: Any = ges(data, "local_score_BDeu" if levels else "local_score_BIC")
    return np.asarray(result["G"].graph)


if __name__ == "__main__":
    main()
