"""One run over all series: every observation, and what is remembered but was not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from alerts.state.machine import forget, step
from alerts.state.model import Observation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from alerts.state.model import Policy, Record, Step, Transition


@dataclass(frozen=True)
class Advance:
    """The records that changed or stayed, what happened, and what the user should know."""

    records: tuple[Record, ...]
    transitions: tuple[Transition, ...]
    remarks: tuple[str, ...] = ()


def advance(
    records: Mapping[str, Record],
    observations: Iterable[Observation],
    policies: Mapping[str, Policy],
    suppressed: Mapping[str, str] | None = None,
    *,
    complete: bool,
) -> Advance:
    """Take every series one evaluation further.

    Args:
        records: All that is remembered, by fingerprint.
        observations: What the evaluation says, one for each series.
        policies: Of every rule that was evaluated, by name.
        suppressed: What keeps a fingerprint from being told, where something does.
        complete: Whether these are all rules there are; the alerts of any other rule end then.
    """
    why = suppressed or {}
    seen = {one.fingerprint: one for one in observations}
    steps = [
        step(records.get(one.fingerprint), one, policies[one.rule], why.get(one.fingerprint, ""))
        for one in (*seen.values(), *_unseen(records, seen, policies))
    ]
    if complete:
        gone = (one for one in records.values() if one.rule not in policies)
        steps += [forget(one) for one in gone if one.episode or one.outage or one.known]
    return Advance(
        tuple(one.record for one in steps),
        tuple(transition for one in steps for transition in one.transitions),
        tuple(_remarks(steps)),
    )


def _unseen(
    records: Mapping[str, Record], seen: Mapping[str, Observation], policies: Mapping[str, Policy]
) -> Iterator[Observation]:
    """What to say of a series that receivers know of and that the evaluation does not show.

    Its mart is empty, or has no rows of it any more: that does not end an alert. Where the query
    of the whole rule failed, that is one alert, not one for each series.
    """
    failed = {one.rule for one in seen.values() if one.state == "error" and not one.labels}
    judged = {one.rule for one in seen.values() if one.rule not in failed}
    for record in records.values():
        if record.fingerprint in seen or record.rule not in policies or record.rule in failed:
            continue
        if not (record.episode or record.outage):
            continue
        if not record.labels and record.episode is None and record.rule in judged:
            yield _said(record, "normal", "the rule can be evaluated again")
        else:
            yield _said(record, "no_data", "the mart has no rows of it any more")


def _said(record: Record, state: Literal["normal", "no_data"], reason: str) -> Observation:
    return Observation(
        fingerprint=record.fingerprint,
        rule=record.rule,
        labels=record.labels,
        severity=record.severity,
        state=state,
        at=None,
        reason=reason,
        definition=record.definition,
    )


def _remarks(steps: Iterable[Step]) -> Iterator[str]:
    """A line for each rule that was evaluated as at a time before its last evaluation."""
    by_rule: dict[str, list[str]] = {}
    for one in steps:
        if one.remark:
            by_rule.setdefault(one.record.rule, []).append(one.remark)
    for rule, remarks in by_rule.items():
        count = f"{len(remarks)} series" if len(remarks) > 1 else "evaluated"
        yield f"{rule}: {count} {remarks[0]}: nothing changed, nothing is sent"
