"""What `recwatch check --json` prints. The keys are stable: docs/rules.md explains them.

Beside what was judged, each result says what is told of it:

    kind           firing, repeated, resolved, restated, unknown or known, where it is told in this
                   run; null where nothing is
    episode        number of the episode or outage that it tells of, or that is open; else null
    told           whether it is sent; false where it is held back or was made by late rows
    why            what moved the value: `against` (what with), `lines` (as in the message), `note`
                   (why there are none), and `parts`, each with its `labels`, `rate` and `mix`,
                   which sum to `change`; null where nobody asked
    trend          the newest values as a chart of one line; empty without any
    inhibited_by   the alerts that explain it and for which it is not sent: rule, labels,
                   fingerprint
    silenced_by    the silence for which it is not sent: id, author, reason, ends; else null
    notes          further remarks, such as what became of an experiment that was to be paused

The states are those of `docs/rules.md`; what fires and cannot be judged now has an `episode`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alerts.detectors.series import finite
from alerts.runner.compose import shown
from alerts.runner.inhibit import Suppressed
from alerts.runner.tell import trend

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from alerts.notify import Message
    from alerts.rules import Rule
    from alerts.runner.compose import Outgoing
    from alerts.runner.deliver import Done, Left
    from alerts.runner.evaluate import Evaluation, Result
    from alerts.runner.why import Why
    from alerts.state.model import Record, Transition
    from alerts.state.silence import Silence

_STATES = ("firing", "error", "no_data", "invalid", "recovering", "pending", "too_few", "ok")
_ORDER = {state: place for place, state in enumerate(_STATES)}


@dataclass(frozen=True)
class Telling:
    """What is told of the results of a run, each by fingerprint.

    Attributes:
        transitions: What happened in this run, told or not.
        records: What is remembered after it.
        rules: By name.
        suppressed: What is held back.
        why: What moved the values.
        notes: Further remarks.
    """

    transitions: Iterable[Transition] = ()
    records: Mapping[str, Record] = field(default_factory=dict)
    rules: Mapping[str, Rule] = field(default_factory=dict)
    suppressed: Suppressed = field(default_factory=lambda: Suppressed({}, {}))
    why: Mapping[str, Why] = field(default_factory=dict)
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def newest(self) -> dict[str, Transition]:
        """The last that happened to each; an end in the same run tells more than its begin."""
        return {one.fingerprint: one for one in self.transitions}


def ordered(results: Sequence[Result]) -> list[Result]:
    """What needs attention first; within a state by rule and labels."""
    return sorted(results, key=lambda one: (_ORDER[one.state], one.rule, one.labels))


def document(
    evaluation: Evaluation,
    target: str,
    notifications: Sequence[dict[str, Any]],
    warnings: Sequence[str],
    telling: Telling | None = None,
) -> dict[str, Any]:
    """The whole document, of types that JSON has; without `telling` only what was judged."""
    newest = telling.newest() if telling else {}

    def said(one: Result) -> dict[str, Any]:
        return told_document(one, telling, newest.get(one.fingerprint)) if telling else {}

    return {
        "as_of": _moment(evaluation.as_of),
        "target": target,
        "results": [result_document(one) | said(one) for one in ordered(evaluation.results)],
        "notifications": list(notifications),
        "warnings": list(warnings),
    }


def result_document(result: Result) -> dict[str, Any]:
    """One result; a number that is none is null."""
    return {
        "rule": result.rule,
        "labels": dict(result.labels),
        "state": result.state,
        "severity": result.severity,
        "bucket": _moment(result.bucket),
        "since": _moment(result.since),
        "value": _number(result.value),
        "threshold": _number(result.threshold),
        "baseline": _number(result.baseline),
        "numerator": _number(result.numerator),
        "denominator": _number(result.denominator),
        "reason": result.reason,
        "fingerprint": result.fingerprint,
    }


def told_document(result: Result, said: Telling, newest: Transition | None) -> dict[str, Any]:
    """What is told of a result."""
    name = result.fingerprint
    rule = said.rules.get(result.rule)
    others = said.suppressed.inhibited.get(name, ())
    silence = said.suppressed.silenced.get(name)
    why = said.why.get(name)
    return {
        "kind": newest.kind if newest else None,
        "episode": newest.episode if newest else _open(said.records.get(name)),
        "told": newest.told if newest else False,
        "why": why_document(why) if why else None,
        "trend": trend(rule, result) if rule else "",
        "inhibited_by": [
            {"rule": one.rule, "labels": dict(one.labels), "fingerprint": one.fingerprint}
            for one in others
        ],
        "silenced_by": silence_document(silence) if silence else None,
        "notes": list(said.notes.get(name, ())),
    }


def why_document(why: Why) -> dict[str, Any]:
    """What moved a value; the parts are rounded to floats, and nowhere else."""
    split = why.split
    return {
        "against": why.against,
        "lines": list(why.lines),
        "note": why.note,
        "change": None if split is None else float(split.change),
        "parts": [
            {"labels": dict(one.key), "rate": float(one.rate), "mix": float(one.mix)}
            for one in (split.parts if split else ())
        ],
    }


def silence_document(silence: Silence) -> dict[str, Any]:
    """Who holds it back, why, and until when."""
    return {
        "id": silence.id,
        "author": silence.author,
        "reason": silence.reason,
        "ends": _moment(silence.ends),
    }


def planned_document(one: Outgoing, types: Mapping[str, str]) -> dict[str, Any]:
    """A message that would be sent."""
    return _notification(one.receiver, one.message, types, "dry_run", "")


def sent_document(one: Done, types: Mapping[str, str]) -> dict[str, Any]:
    """A message that arrived, maybe at a fallback, maybe sent by an earlier run."""
    detail = one.delivery.detail
    return _notification(one.by, one.waiting.message, types, "delivered", detail)


def left_document(one: Left, types: Mapping[str, str]) -> dict[str, Any]:
    """A message that did not arrive: `refused` if no run will try it again, else `retryable`."""
    outcome = "refused" if one.final else "retryable"
    return _notification(one.waiting.receiver, one.waiting.message, types, outcome, one.detail)


def _notification(
    receiver: str, message: Message, types: Mapping[str, str], outcome: str, detail: str
) -> dict[str, Any]:
    return {
        "receiver": receiver,
        "type": types.get(receiver, ""),
        "outcome": outcome,
        "headline": message.headline,
        "alerts": [alert.fingerprint for alert in message.alerts],
        "detail": detail,
    }


def _open(record: Record | None) -> int | None:
    """The number of what is open, the episode before an outage."""
    if record is None:
        return None
    found = record.episode or record.outage
    return found.number if found else None


def _moment(moment: date | None) -> str | None:
    return None if moment is None else shown(moment)


def _number(value: float | None) -> float | int | None:
    """Whole numbers without a point, as counts are written."""
    number = None if value is None else finite(value)
    if number is None or not number.is_integer() or math.fabs(number) >= 2**53:
        return number
    return int(number)
