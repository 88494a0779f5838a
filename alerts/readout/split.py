"""The users by arm against the weights, as text: `recwatch srm`, and the head of a readout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from alerts import terminal
from alerts.experiments import wording
from alerts.experiments.results import Refusal
from alerts.experiments.srm import Srm
from alerts.readout import cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from alerts.experiments.evidence import Evidence
    from alerts.experiments.validity import Problem, Split
    from alerts.readout.cells import Listing


def show_split(
    evidence: Evidence, split: Split, problems: Sequence[Problem], console: Console | None = None
) -> None:
    """Prints `recwatch srm EXPERIMENT`."""
    out = console or terminal.console()
    out.print(Text(f"{evidence.plan.experiment_key}, to the end of {evidence.day}", "bold"))
    out.print()
    out.print(cells.table(*split_listing(evidence)))
    for line in (*split_lines(split), *health_lines(evidence)):
        out.print(Text(line))
    for advice in dict.fromkeys(one.advice for one in problems if one.is_fatal):
        out.print(Text(f"What to do: {advice}"))


def show_counts(found: Srm | Refusal, console: Console | None = None) -> None:
    """Prints `recwatch srm --counts`."""
    out = console or terminal.console()
    if isinstance(found, Srm):
        rows = zip(found.arms, found.observed, found.expected, strict=True)
        listed = [(arm, f"{users:,}", _users(due)) for arm, users, due in rows]
        out.print(cells.table("Users by arm", ("Arm", "Users", "To be expected"), listed))
    out.print(Text(sentence("users", found)))


def split_listing(evidence: Evidence) -> Listing:
    """Users by weight period and arm."""
    columns = ("Weight period", "Arm", "Weight", "Assigned", "To be expected", "Exposed", "Mixed")
    rows = [
        (
            str(row.weight_period),
            row.variation,
            wording.percent(row.expected_weight),
            f"{row.assigned_users:,}",
            _users(row.expected_users),
            f"{row.exposed_users:,}",
            f"{row.mixed_users:,}",
        )
        for row in evidence.today
    ]
    return cells.Listing("Users", columns, rows)


def split_lines(split: Split) -> Iterator[str]:
    """One line for each of both tests."""
    yield sentence("assigned users", split.assigned)
    yield sentence("exposed users", split.exposed)


def sentence(whose: str, found: Srm | Refusal) -> str:
    """Whether the split fits, by both tests."""
    if isinstance(found, Refusal):
        return f"Split of {whose}: not tested: {found.reason}."
    said = "fits" if not (found.is_mismatch or found.is_mismatch_anytime) else "MISMATCH"
    figures = (
        f"chi-square {found.chi2:.2f}, df {found.df}, p {wording.p_value(found.p_value)} "
        f"(mismatch below 0.001); Bayes factor 10^{wording.power_of_ten(found.log10_bayes_factor)} "
        "(mismatch from 10^3, at any look)"
    )
    reason = f"; {found.reason}" if found.reason else ""
    return f"Split of {whose}: {said}: {figures}{reason}."


def health_lines(evidence: Evidence) -> Iterator[str]:
    """What assignments and exposures do not share."""
    health = evidence.health
    if health is None:
        yield "Assignments and exposures: unknown, the marts have no row of this day."
        return
    yield (
        f"{health.exposed_users:,} of {health.assigned_users:,} assigned users are exposed; "
        f"mixed {health.mixed_users:,}, exposed without assignment "
        f"{health.exposed_without_assignment:,}, exposed to another arm "
        f"{health.exposed_to_other_variation:,}."
    )


def _users(expected: float) -> str:
    return f"{expected:,.1f}".removesuffix(".0")
