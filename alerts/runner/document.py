"""What `recwatch check --json` prints. The keys are stable: docs/rules.md explains them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from alerts.detectors.series import finite
from alerts.runner.compose import shown
from alerts.runner.deliver import Sent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from alerts.runner.compose import Outgoing
    from alerts.runner.evaluate import Evaluation, Result

_STATES = ("firing", "error", "no_data", "invalid", "recovering", "pending", "too_few", "ok")
_ORDER = {state: place for place, state in enumerate(_STATES)}


def ordered(results: Sequence[Result]) -> list[Result]:
    """What needs attention first; within a state by rule and labels."""
    return sorted(results, key=lambda one: (_ORDER[one.state], one.rule, one.labels))


def document(
    evaluation: Evaluation,
    target: str,
    notifications: Sequence[dict[str, Any]],
    warnings: Sequence[str],
) -> dict[str, Any]:
    """The whole document, of types that JSON has."""
    return {
        "as_of": _moment(evaluation.as_of),
        "target": target,
        "results": [result_document(result) for result in ordered(evaluation.results)],
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


def notification(one: Sent | Outgoing, types: Mapping[str, str]) -> dict[str, Any]:
    """What became of a message; what would, in a dry run."""
    delivery = one.delivery if isinstance(one, Sent) else None
    return {
        "receiver": one.receiver,
        "type": types[one.receiver],
        "outcome": delivery.outcome if delivery else "dry_run",
        "headline": one.message.headline,
        "alerts": [alert.fingerprint for alert in one.message.alerts],
        "detail": delivery.detail if delivery else "",
    }


def _moment(moment: date | None) -> str | None:
    return None if moment is None else shown(moment)


def _number(value: float | None) -> float | int | None:
    """Whole numbers without a point, as counts are written."""
    number = None if value is None else finite(value)
    if number is None or not number.is_integer() or math.fabs(number) >= 2**53:
        return number
    return int(number)
