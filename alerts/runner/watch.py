"""One run after the evaluation: what has changed, what is to be told, and to whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alerts.runner.compose import Context, Outgoing, compose
from alerts.runner.document import Telling
from alerts.runner.evaluate import Evaluation
from alerts.runner.inhibit import said, suppressed
from alerts.runner.observe import observe, policies, warehouse_seen
from alerts.runner.threads import told_to
from alerts.runner.why import explain, newly_firing
from alerts.state.advance import Advance, advance
from alerts.state.model import HOLDING
from alerts.state.silence import silenced

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from alerts.rules import Rule, RuleSet
    from alerts.runner.evaluate import Result
    from alerts.runner.inhibit import Held
    from alerts.runner.read import Reader
    from alerts.state.model import Record
    from alerts.state.outbox import Outbox
    from alerts.state.silence import Silence

NOTHING = Evaluation(None, (), ())


@dataclass(frozen=True)
class Known:
    """What a run knows beside the marts.

    Attributes:
        target: Name of the dbt target.
        now: The clock.
        records: What is remembered, by fingerprint; nothing in a dry run.
        silences: All there are.
        judged: The rules that were evaluated; None for all there are, and then the alerts of any
            other rule end.
        flags: Of the call, repeated in the command of an alert.
        outbox: Who was told of which incident.
    """

    target: str
    now: datetime
    records: Mapping[str, Record] = field(default_factory=dict)
    silences: Sequence[Silence] = ()
    judged: Sequence[Rule] | None = None
    flags: Sequence[str] = ()
    outbox: Outbox | None = None


@dataclass(frozen=True)
class Watch:
    """What has changed, and what follows.

    Attributes:
        evaluation: What the marts say.
        advanced: The records as they become, and the transitions.
        telling: What is told of each result, and what is not.
        outgoing: The messages.
        trouble: Why the marts could not be read; empty where they could.
    """

    evaluation: Evaluation
    advanced: Advance
    telling: Telling
    outgoing: tuple[Outgoing, ...]
    trouble: str = ""


def watch(
    evaluation: Evaluation,
    rules: RuleSet,
    known: Known,
    reader: Reader | None = None,
    act: Callable[[Sequence[Result], Mapping[str, Record]], Mapping[str, str]] | None = None,
) -> Watch:
    """What has changed since the last run, and what is to be told of it.

    Args:
        evaluation: Of this run.
        rules: All rules, not only those that were evaluated.
        known: What is known beside.
        reader: Where to look for what moved a value; without it alerts do not say why.
        act: What is done about experiments that do harm, before anybody is told: from results and
            what is remembered of them to remarks, by fingerprint.
    """
    by_name = {rule.name: rule for rule in rules.rules}
    results = evaluation.results
    quiet = suppressed(results, by_name, known.silences, known.now, _lasting(results, known))
    seen = [*observe(evaluation, by_name), warehouse_seen(known.target)]
    judged = rules.rules if known.judged is None else known.judged
    reasons = {**_silenced(known), **quiet.reasons}
    advanced = advance(
        known.records, seen, policies(judged), reasons, complete=known.judged is None
    )
    after = {**known.records, **{one.fingerprint: one for one in advanced.records}}
    done = act(results, after) if act is not None else {}
    begun = newly_firing(advanced.transitions, results)
    telling = Telling(
        transitions=advanced.transitions,
        records=after,
        rules=by_name,
        suppressed=quiet,
        why=explain(begun, by_name, reader) if reader is not None else {},
        notes={name: (text,) for name, text in done.items()},
    )
    return Watch(evaluation, advanced, telling, _messages(evaluation, rules, known, telling))


def watch_failure(trouble: str, rules: RuleSet, known: Known) -> Watch:
    """The marts cannot be read: everything stands as it was, and the third time that is told."""
    seen = warehouse_seen(known.target, trouble)
    advanced = advance(known.records, [seen], policies(()), _silenced(known), complete=False)
    telling = Telling(transitions=advanced.transitions)
    outgoing = _messages(NOTHING, rules, known, telling)
    return Watch(NOTHING, advanced, telling, outgoing, trouble)


def _messages(
    evaluation: Evaluation, rules: RuleSet, known: Known, telling: Telling
) -> tuple[Outgoing, ...]:
    context = Context(
        evaluation,
        rules,
        known.flags,
        why=telling.why,
        held=telling.suppressed.held(evaluation.results),
        states={name: _state(record) for name, record in telling.records.items()},
        notes=telling.notes,
        told_to={} if known.outbox is None else told_to(telling.transitions, known.outbox),
    )
    return tuple(compose(telling.transitions, context))


def _silenced(known: Known) -> dict[str, str]:
    """Why nobody is told of what has no result: a series without rows, marts nobody can read."""
    found: dict[str, str] = {}
    alerts: list[Held] = [warehouse_seen(known.target), *known.records.values()]
    for one in alerts:
        silence = silenced(known.silences, one.rule, one.labels, known.now)
        if silence is not None:
            found[one.fingerprint] = f"silenced {said(silence)}"
    return found


def _lasting(results: Sequence[Result], known: Known) -> list[str]:
    """What fires by what is remembered, though its newest bucket cannot be judged."""
    found = (known.records.get(one.fingerprint) for one in results if one.state in HOLDING)
    return [record.fingerprint for record in found if record is not None and record.episode]


def _state(record: Record) -> str:
    """As the other rules' playbooks take it: what cannot be judged and fired still fires."""
    return "firing" if record.episode is not None and record.state in HOLDING else record.state
