"""From an evaluation to what the state machine takes."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

from alerts.rules.marts import DAY, HOUR, MARTS
from alerts.runner.evaluate import fingerprint
from alerts.state.model import Observation, Policy, Stretch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import timedelta

    from alerts.rules import Rule
    from alerts.runner.evaluate import Episode, Evaluation, Result
    from alerts.state.model import State

# What no rule can be called: that the marts can be read at all.
WAREHOUSE = "(warehouse)"
DAILY, INTRADAY = DAY, 4 * HOUR
# The fields of a rule that say what is judged; the others say how it is told.
_TELLING = {
    "name",
    "description",
    "severity",
    "receivers",
    "playbook",
    "playbook_when",
    "playbook_otherwise",
    "inhibited_by",
    "no_data_after",
    "repeat_interval",
    "max_false_per_30d",
    "action",
    "dry_run",
    "webhook_env",
}


def observe(evaluation: Evaluation, rules: Mapping[str, Rule]) -> list[Observation]:
    """An observation for each series: those with a result, and those of experiments that are over.

    An experiment that ended has no newest bucket, but maybe an episode that ended with it.
    """
    meant = {name: _meaning(rule) for name, rule in rules.items()}
    episodes: dict[str, list[Episode]] = {}
    for episode in evaluation.episodes:
        episodes.setdefault(episode.fingerprint, []).append(episode)
    seen = [
        _of_result(one, episodes.get(one.fingerprint, ()), meant[one.rule])
        for one in evaluation.results
    ]
    known = {one.fingerprint for one in seen}
    over = [those for name, those in episodes.items() if name not in known]
    return [*seen, *(_of_ended(those, meant[those[0].rule]) for those in over)]


def policies(rules: Iterable[Rule]) -> dict[str, Policy]:
    """How the alerts of each rule are told, by its name; and that of the warehouse itself."""
    found = {rule.name: Policy(repeat_interval(rule), rule.no_data_after) for rule in rules}
    return {**found, WAREHOUSE: Policy()}


def warehouse_seen(target: str, trouble: str = "") -> Observation:
    """Whether the marts could be read at all, as a series of its own."""
    labels = (("target", target),)
    return Observation(
        fingerprint=fingerprint(WAREHOUSE, labels),
        rule=WAREHOUSE,
        labels=labels,
        severity="page",
        state="error" if trouble else "normal",
        at=None,
        reason=trouble or "the marts can be read",
    )


def _of_result(result: Result, episodes: Sequence[Episode], meaning: str) -> Observation:
    state: State = "normal" if result.state == "ok" else result.state
    return Observation(
        fingerprint=result.fingerprint,
        rule=result.rule,
        labels=result.labels,
        severity=result.severity,
        state=state,
        at=result.until,
        bucket=result.bucket,
        value=result.value,
        threshold=None if math.isnan(result.threshold) else result.threshold,
        reason=result.reason,
        episodes=tuple(map(_stretch, episodes)),
        begins=result.begins,
        definition=f"{meaning} {result.threshold!r}",
    )


def _of_ended(episodes: Sequence[Episode], meaning: str) -> Observation:
    last = episodes[-1]
    return Observation(
        fingerprint=last.fingerprint,
        rule=last.rule,
        labels=last.labels,
        severity=last.severity,
        state="normal",
        at=None,
        reason="the experiment is over",
        episodes=tuple(map(_stretch, episodes)),
        begins=episodes[0].first,
        definition=f"{meaning} {last.threshold!r}",
    )


def _stretch(episode: Episode) -> Stretch:
    return Stretch(episode.first, episode.fired, episode.last, episode.open)


def _meaning(rule: Rule) -> str:
    """Changes when what the rule judges does; a bound from a reference table is no part of it."""
    text = rule.model_dump_json(exclude=_TELLING)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def repeat_interval(rule: Rule) -> timedelta:
    """After how long it is said again that it still fires."""
    if rule.repeat_interval is not None:
        return rule.repeat_interval
    return DAILY if MARTS[rule.mart].in_days else INTRADAY
