"""What the labelling panel says: counts, how well the attribute is learned, what to do next. Plain values, no Qt."""

from __future__ import annotations

from explorer.service.replies import ProbeTrained
from explorer.ui.state.label_set import LabelSet, Sample, count_of

FEWEST_EACH = 5  # labels of a kind below which a figure says little
UNEVEN = 5  # times as many of one kind as of the other
MANY = 60  # labels after which "more" is no advice any more


def sample(one: Sample) -> str:
    """Which sample it is: ``Seed 12, spread 1``."""
    return f"Seed {one[0]}, spread {one[1]:g}"


def counts(labels: LabelSet) -> str:
    """``12 yes · 23 no · 3 skipped``."""
    return f"{labels.labels.positives} yes · {labels.labels.negatives} no · {len(labels.skipped)} skipped"


def figure(newest: ProbeTrained | None) -> str:
    """``91 % right``, or nothing before there is a probe."""
    return f"{newest.accuracy:.0%} right" if newest else ""


def beside(newest: ProbeTrained | None) -> str:
    """What the figure is measured against: its interval, chance, of how many labels."""
    if newest is None:
        return ""
    return f"{newest.low:.0%} to {newest.high:.0%} · chance {newest.chance:.0%} · {count_of(newest)} labels"


EXPLANATION = (
    "A probe, a logistic regression, learns the labels from the pictures while you label. The figure is the share of "
    "labels that it has right when it has not learned them (cross-validation), with the 95 % interval of a share. "
    "Chance is what always giving the more frequent answer has right."
)


def is_better(newest: ProbeTrained) -> bool:
    """Whether the whole interval lies above chance."""
    return newest.low > newest.chance


def advice(labels: LabelSet) -> str:
    """One sentence: what to do next."""
    yes, no = labels.labels.positives, labels.labels.negatives
    if not labels.attribute:
        return "Name what you look for, then answer for one picture after another. The answers become a slider."
    if not labels.count:
        return "Press → where the picture shows it, ← where it does not."
    if not yes or not no:
        said, other = ("yes", "no") if yes else ("no", "yes")
        return f"All {labels.count} say {said}." + f" Label samples of '{other}' too: a probe needs both."
    if min(yes, no) < FEWEST_EACH:
        rarer, missing = ("yes", FEWEST_EACH - yes) if yes < no else ("no", FEWEST_EACH - no)
        if yes < FEWEST_EACH and no < FEWEST_EACH:
            return (
                f"Label at least {FEWEST_EACH} of each: {FEWEST_EACH - yes} more 'yes', {FEWEST_EACH - no} more 'no'."
            )
        return f"Label at least {FEWEST_EACH} of each: {missing} more of '{rarer}' {_are(missing)} needed."
    newest = labels.newest
    if newest is None:
        return "The probe is being trained."
    if not is_better(newest):
        if max(yes, no) > UNEVEN * min(yes, no):
            rarer = "yes" if yes < no else "no"
            return f"No better than chance yet: more labels of '{rarer}' are needed."
        if labels.count >= MANY:
            return (
                f"No better than chance after {labels.count} labels: '{labels.attribute}' may not be visible in these "
                "pictures, or the answers differ between alike ones."
            )
        return "No better than chance yet; go on."
    return "Better than chance. Use it for directions, or go on: more labels narrow the interval."


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
