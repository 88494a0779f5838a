"""A verdict in words, for the table, the JSON and the message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alerts.detectors.series import Limit, Verdict


@dataclass(frozen=True)
class Wording:
    """The names and units in which a rule speaks."""

    metric: str
    unit: str
    numerator: str
    denominator: str | None
    guard: str | None = None
    # The unit of the values behind a change, where the metric is one.
    compared: str | None = None


def number(value: float, unit: str, digits: int = 4) -> str:
    """A value for people: `3.12 %`, `1.5 points`, `4,812 ms`, `1,204`."""
    if unit in {"share", "points"}:
        return f"{100 * value:.{digits}g} {'%' if unit == 'share' else 'points'}"
    text = f"{value:,.0f}" if abs(value) >= 100 and digits <= 4 else f"{value:.{digits}g}"
    return f"{text} ms" if unit == "ms" else text


def apart(value: float, bound: float, unit: str) -> tuple[str, str]:
    """Both for people, with the digits it takes to tell them apart."""
    for digits in (4, 6, 9, 12):
        pair = number(value, unit, digits), number(bound, unit, digits)
        if pair[0] != pair[1] or value == bound:
            return pair
    return number(value, unit, 17), number(bound, unit, 17)


def describe(verdict: Verdict | None, limit: Limit, wording: Wording) -> str:
    """One sentence: what was measured, against what, and on how much."""
    if verdict is None:
        return "the mart has no complete bucket"
    if verdict.outcome == "no_data":
        return _missing(verdict, wording)
    if verdict.value is None or verdict.point is None:
        return f"no value for {verdict.bucket}"
    if verdict.outcome == "too_few":
        return _too_few(verdict, limit, wording)
    value, bound = apart(verdict.value, limit.bound, wording.unit)
    relation = limit.operator if verdict.outcome == "breach" else f"not {limit.operator}"
    return f"{wording.metric} {value} {relation} {bound} ({_basis(verdict, wording)})"


def _basis(verdict: Verdict, wording: Wording) -> str:
    """The counts behind the value, and the value it is compared with."""
    point = verdict.point
    if point is None:
        return ""
    parts = [f"{wording.numerator} {number(point.numerator, 'count')}"]
    if wording.denominator is not None and point.denominator is not None:
        parts.append(f"{wording.denominator} {number(point.denominator, 'count')}")
    text = " / ".join(parts)
    if verdict.before is None or wording.compared is None or point.value is None:
        return text
    now, before = apart(point.value, verdict.before, wording.compared)
    return f"{now} after {before} a week before; {text}"


def _missing(verdict: Verdict, wording: Wording) -> str:
    if verdict.point is None:
        return f"no row for {verdict.bucket}"
    if verdict.point.value is None:
        return f"{wording.metric} has no value: {wording.denominator} is 0"
    if verdict.before is not None:
        return f"{wording.metric} has no value: {wording.numerator} was 0 a week before"
    return f"nothing a week before {verdict.bucket} to compare with"


def _too_few(verdict: Verdict, limit: Limit, wording: Wording) -> str:
    minimum = number(limit.minimum or 0, "count")
    guard = verdict.point.guard if verdict.point is not None else None
    if guard is not None and limit.minimum is not None and guard >= limit.minimum:
        return f"{wording.guard} a week before are below {minimum}"
    return f"{wording.guard} {number(guard or 0, 'count')} below {minimum}"
