"""A verdict in words, for the table, the JSON and the message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from alerts.detectors.series import Examined, Single, Zeros

if TYPE_CHECKING:
    from alerts.detectors.series import Limit, Verdict


@dataclass(frozen=True)
class Compared:
    """How a rule speaks of the value that a change is counted from, and of the change itself.

    `when` says when it was, before the bucket that is judged or, once that breaches, the `event`.
    `lacking` says what there is in its place where there is none. `joint` stands between both
    values, `beside` names the other. `chance` says how sure a change must be, where it must.
    """

    unit: str
    change: str
    when: str = "a week before"
    event: str = ""
    lacking: str = "nothing"
    joint: str = "after"
    chance: str = ""
    beside: str = "before"


@dataclass(frozen=True)
class Wording:
    """The names and units in which a rule speaks; `compared` is there where it judges a change.

    `unit` is that of the value that is judged.
    """

    metric: str
    unit: str
    numerator: str | None
    denominator: str | None
    guard: str | None = None
    compared: Compared | None = None


def shown(moment: date | None) -> str:
    """A bucket or moment as people and `--as-of` read it: a date, or UTC to the second."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return "" if moment is None else moment.isoformat()


def number(value: float, unit: str, digits: int = 4) -> str:
    """A value for people: `3.12 %`, `1.5 points`, `4,812 ms`, `1,204`, `57 requests`."""
    if unit in {"share", "points"}:
        return f"{100 * value:.{digits}g} {'%' if unit == 'share' else 'points'}"
    text = f"{value:,.0f}" if abs(value) >= 100 and digits <= 4 else f"{value:.{digits}g}"
    return f"{text} {unit}" if unit in {"ms", "bits", "requests"} else text


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
    if isinstance(verdict.point, Examined):
        return verdict.point.sentence(verdict, limit)
    return _described(verdict, limit, wording)


def _described(verdict: Verdict, limit: Limit, wording: Wording) -> str:
    if verdict.outcome == "no_data":
        return _missing(verdict, wording)
    if verdict.value is None or verdict.point is None:
        return f"no value for {shown(verdict.bucket)}"
    if verdict.outcome == "too_few" and verdict.sure is None:
        return _too_few(verdict, limit, wording)
    certain = verdict.value
    if verdict.most is not None and verdict.outcome == "ok":
        certain = verdict.most
    value, bound = apart(certain, limit.bound, wording.unit)
    if verdict.most is not None:
        value = f"{'at most' if verdict.outcome == 'ok' else 'at least'} {value}"
    relation = "not " if verdict.outcome == "ok" else ""
    basis = _basis(verdict, wording)
    subject = wording.compared.change if wording.compared else wording.metric
    text = f"{subject} {value} {relation}{limit.operator} {bound}{f' ({basis})' if basis else ''}"
    if verdict.sure is None or wording.compared is None:
        return text
    return f"{text}, {'beyond' if verdict.sure else 'within'} chance {wording.compared.chance}"


def _basis(verdict: Verdict, wording: Wording) -> str:
    """What the value is compared with, and the counts behind it."""
    return "; ".join(
        part for part in (_before(verdict, wording), _counts(verdict, wording)) if part
    )


def _before(verdict: Verdict, wording: Wording) -> str:
    point, compared = verdict.point, wording.compared
    if isinstance(point, Zeros) and verdict.value is not None and verdict.value > point.longest:
        return f"begun before {shown(verdict.bucket)}"
    if point is None or compared is None or verdict.before is None or point.value is None:
        return ""
    now, before = apart(point.value, verdict.before, compared.unit)
    event = f" {compared.event}" if compared.event and verdict.outcome == "breach" else ""
    return f"{now} {compared.joint} {before} {compared.when}{event}"


def _counts(verdict: Verdict, wording: Wording) -> str:
    point = verdict.point
    if point is None:
        return ""
    sides = ((wording.numerator, point.numerator), (wording.denominator, point.denominator))
    text = " / ".join(
        f"{name} {number(count, 'count')}"
        for name, count in sides
        if name is not None and count is not None
    )
    if isinstance(point, Single) and point.error is not None:
        return f"{text}, standard error {number(point.error, 'number', 2)}"
    return text


def _missing(verdict: Verdict, wording: Wording) -> str:
    point, compared = verdict.point, wording.compared
    if point is None:
        return f"no row for {shown(verdict.bucket)}"
    if point.value is None:
        why = f": {wording.denominator} is 0" if point.denominator == 0 else ""
        return f"{wording.metric} has no value{why}"
    if verdict.value is not None and verdict.most is not None:
        least, most = number(verdict.value, "count"), number(verdict.most, wording.unit)
        return (
            f"{wording.metric} between {least} and {most}: one was under way when the day began, "
            "and how many more followed is not known"
        )
    if compared is None:
        return f"no value for {shown(verdict.bucket)}"
    if verdict.before is None:
        return f"{compared.lacking} {compared.when} {shown(verdict.bucket)} to compare with"
    zero = wording.numerator or wording.metric
    return f"{compared.change} has no value: {zero} was 0 {compared.when}"


def _too_few(verdict: Verdict, limit: Limit, wording: Wording) -> str:
    minimum = number(limit.minimum or 0, "count")
    guard = verdict.point.guard if verdict.point is not None else None
    if guard is not None and limit.minimum is not None and guard >= limit.minimum:
        when = wording.compared.when if wording.compared else "before"
        return f"{wording.guard} {when} are below {minimum}"
    return f"{wording.guard} {number(guard or 0, 'count')} below {minimum}"
