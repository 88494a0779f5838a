"""A verdict in words, for the table, the JSON and the message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from alerts.detectors.series import Examined, Interval, Single, Spread, Zeros

if TYPE_CHECKING:
    from alerts.detectors.series import Limit, Verdict


@dataclass(frozen=True)
class Compared:
    """How a rule speaks of the value that a change is counted from, and of the change itself.

    `when` says when it was, before the bucket that is judged or, once that breaches, the `event`.
    `lacking` says what there is in its place where there is none. `joint` stands between both
    values, `beside` names the other. `chance` says how sure a change must be, where it must.
    `undefined` says why there may be no change though there is a value to compare with.
    """

    unit: str
    change: str
    when: str = "a week before"
    event: str = ""
    lacking: str = "nothing"
    joint: str = "after"
    chance: str = ""
    beside: str = "before"
    undefined: str = ""


@dataclass(frozen=True)
class Wording:
    """The names and units in which a rule speaks; `compared` is there where it judges a change.

    `unit` is that of the value that is judged. `chance` says how sure a share must be to breach.
    """

    metric: str
    unit: str
    numerator: str | None
    denominator: str | None
    guard: str | None = None
    compared: Compared | None = None
    chance: str = ""


def shown(moment: date | None) -> str:
    """A bucket or moment as people and `--as-of` read it: a date, or UTC to the second."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return "" if moment is None else moment.isoformat()


def number(value: float, unit: str, digits: int = 4) -> str:
    """A value for people: `3.12 %`, `1.5 points`, `4,812 ms`, `1,204`, `2.9 sd`, `26 h`."""
    if unit == "duration":
        return lasting(value)
    if unit in {"share", "points"}:
        return f"{100 * value:.{digits}g} {'%' if unit == 'share' else 'points'}"
    text = f"{value:,.0f}" if abs(value) >= 100 and digits <= 4 else f"{value:.{digits}g}"
    return f"{text} {unit}" if unit in {"ms", "bits", "requests", "sd"} else text


def lasting(seconds: float) -> str:
    """A length of time by its two largest units: `2 d 4 h`, `26 h`, `45 min`."""
    minutes = round(abs(seconds) / 60)
    hours, minutes = divmod(minutes, 60)
    # People say 26 hours rather than a day and two.
    days, hours = divmod(hours, 24) if hours >= 48 else (0, hours)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    named = [f"{count} {unit}" for count, unit in parts if count][:2]
    return ("-" if seconds < 0 else "") + (" ".join(named) or "0 min")


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
    if verdict.outcome in {"no_data", "invalid"}:
        return _missing(verdict, wording)
    if verdict.outcome == "too_few" and verdict.sure is None:
        return _too_few(verdict, limit, wording)
    return _described(verdict, limit, wording)


def _described(verdict: Verdict, limit: Limit, wording: Wording) -> str:
    if verdict.value is None or verdict.point is None:
        return f"no value for {shown(verdict.bucket)}"
    if isinstance(verdict.scale, Spread):
        return _distant(verdict, verdict.value, verdict.scale, limit, wording)
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
    if isinstance(verdict.scale, Interval):
        return f"{text}, {_between(verdict.scale, wording)}"
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


def _between(interval: Interval, wording: Wording) -> str:
    """The interval of a share, and by how much it is wider than chance alone makes it."""
    low, high = (number(one, wording.unit) for one in (interval.low, interval.high))
    effect = f"design effect {interval.design_effect:.3g}"
    return f"between {low} and {high} {wording.chance} ({effect})"


def _distant(verdict: Verdict, value: float, spread: Spread, limit: Limit, wording: Wording) -> str:
    """How far a day lies from the days before it, and how far these lie apart."""
    unit = wording.compared.unit if wording.compared else wording.unit
    now = verdict.point.value if verdict.point is not None else None
    level, mean = apart(now or 0.0, verdict.before or 0.0, unit)
    days = f"{verdict.bucket:%A}s" if spread.by_weekday else "days"
    sd = number(spread.sd, "points" if unit == "share" else unit, 3)
    counted = _counts(verdict, wording)
    inside = "; ".join(
        part
        for part in (f"sd {sd}{', the noise of the day itself' if spread.floored else ''}", counted)
        if part
    )
    return (
        f"{wording.metric} {level}, {number(abs(value), 'number', 3)} sd "
        f"{'above' if value > 0 else 'below'} {mean}, the mean of {spread.days} {days} before "
        f"({inside}): {'beyond' if verdict.outcome == 'breach' else 'within'} {limit.bound:g} sd"
    )


def _missing(verdict: Verdict, wording: Wording) -> str:
    point = verdict.point
    if point is None:
        return f"no row for {shown(verdict.bucket)}"
    why = f": {wording.denominator} is 0" if point.denominator == 0 else ""
    return f"{wording.metric} has no value{why}"


def _too_few(verdict: Verdict, limit: Limit, wording: Wording) -> str:
    minimum = number(limit.minimum or 0, "count")
    guard = verdict.point.guard if verdict.point is not None else None
    if guard is not None and limit.minimum is not None and not guard >= limit.minimum:
        return f"{wording.guard} {number(guard, 'count')} below {minimum}"
    if verdict.value is not None and verdict.most is not None:
        least, most = number(verdict.value, "count"), number(verdict.most, wording.unit)
        return (
            f"{wording.metric} between {least} and {most}: one was under way when the day began, "
            "and how many more followed is not known"
        )
    compared = wording.compared
    if compared is None:
        return f"too little to judge {shown(verdict.bucket)} by"
    if verdict.before is None:
        return f"{compared.lacking} {compared.when} {shown(verdict.bucket)} to compare with"
    if verdict.value is None:
        zero = f"{wording.numerator or wording.metric} was 0 {compared.when}"
        return f"{compared.change} has no value: {compared.undefined or zero}"
    return f"{wording.guard} {compared.when} are below {minimum}"
