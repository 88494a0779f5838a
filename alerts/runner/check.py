"""`recwatch check` in three steps that stay apart: look, write down and send, tell who watches."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from datetime import time as clock
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from alerts.notify.message import Delivery
from alerts.notify.status import RunStatus, SeriesStatus
from alerts.runner.deliver import Report, dispatch
from alerts.runner.evaluate import Settings, evaluate, open_reader
from alerts.runner.pause import Means, connector, due, pause
from alerts.runner.threads import deliveries
from alerts.runner.watch import Known, Watch, watch, watch_failure
from alerts.warehouse import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.experiments.guardrail_file import GuardrailFile
    from alerts.notify.status import Watcher
    from alerts.rules import Rule, RuleSet
    from alerts.runner.evaluate import Result
    from alerts.runner.receivers import Outlets
    from alerts.state.model import Record
    from alerts.state.store import Store
    from alerts.warehouse import Project, Target


# A run ends within a minute, in seconds: with this it has time to write what came of it.
RUN = 58.0
# Of that what is kept for those who watch the watcher; deliveries get so much at least, however
# long the marts took.
_WATCHERS, _DELIVERIES = 10.0, 20.0


@dataclass(frozen=True)
class Call:
    """What a run was asked for, and where.

    Attributes:
        rules: All rules there are.
        names: Those to evaluate; all without any.
        project: The dbt project.
        target: Of its profile.
        environ: The environment, where secrets are.
        now: The clock.
        as_of: Judge as at this date or time; at the marts' newest data without it.
        flags: Of the command line, repeated in the command of an alert.
        guardrails: What rules of kind guardrail judge by; the shipped file without it.
        began: When the run did, in seconds of a clock that is never set.
    """

    rules: RuleSet
    names: tuple[str, ...]
    project: Project
    target: Target
    environ: Mapping[str, str]
    now: datetime
    as_of: date | None = None
    flags: Sequence[str] = ()
    guardrails: GuardrailFile | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds until the run has to end, whatever a receiver does."""
        return self.began + RUN - time.monotonic()

    @property
    def settings(self) -> Settings:
        """Where and how the rules are evaluated."""
        project = self.project
        return Settings(
            prefix=project.schema_prefix,
            timezone=project.reporting_timezone,
            guardrails=self.guardrails,
        )


def look(call: Call, store: Store | None) -> Watch:
    """Evaluate the rules, and hold the result against what is remembered.

    Without a store, as in a dry run, nothing is remembered: what fires is told as if it were new.

    Raises:
        ConfigurationError: No such rule or time zone; a bound that is none.
        WarehouseError: The marts cannot be read at all.
        StateError: The state cannot be read or written.
    """
    chosen, settings = call.rules.only(call.names), call.settings
    known = _known(call, store)
    with closing(open_warehouse(call.target, read_only=True)) as warehouse:
        evaluation = evaluate(chosen.rules, warehouse, call.as_of, settings, call.now)
        reader = open_reader(warehouse, call.as_of, settings)
        # A run of a few rules has not seen whether the sources are fresh: it pauses nothing.
        act = None if store is None or call.names else partial(_act, call, store)
        return watch(evaluation, call.rules, known, reader, act)


def look_away(call: Call, store: Store, trouble: str) -> Watch:
    """The marts cannot be read: nothing ends, and the third time that is an alert of its own."""
    return watch_failure(trouble, call.rules, _known(call, store))


def tell(call: Call, found: Watch, store: Store, outlets: Outlets) -> Report:
    """Write down what has changed and what is to be sent, in one transaction; then send it.

    What an earlier run could not deliver goes first.
    """
    new = deliveries(found.outgoing, store.outbox)
    store.commit_run(found.advanced.records, found.advanced.transitions, new, call.now)
    seconds = max(call.left - (_WATCHERS if outlets.watchers else 0.0), _DELIVERIES)
    report = dispatch(store.outbox, outlets.receivers, outlets.fallbacks, call.now, seconds)
    store.prune(call.now)
    return report


def report_run(call: Call, found: Watch, report: Report, outlets: Outlets) -> dict[str, Delivery]:
    """Tell those who watch the watcher; what came of it, by name.

    A run of a few rules is none of theirs: what it did not look at would seem to be gone.
    """
    if call.names:
        return {}
    ends = [_seconds(one.until, call) for one in found.evaluation.results if one.until is not None]
    status = RunStatus(
        target=call.target.name,
        ok=not found.trouble,
        finished=time.time(),
        duration=time.monotonic() - call.began,
        rules=0 if found.trouble else len(call.rules.rules),
        data_until=max(ends, default=None),
        outstanding=len(report.left),
        series=tuple(_series(one) for one in found.advanced.records),
    )
    return _push(outlets.watchers, status, max(call.left, _WATCHERS))


def _push(
    watchers: Mapping[str, Watcher], status: RunStatus, seconds: float
) -> dict[str, Delivery]:
    """All at once; one that hangs is not waited for longer than that."""
    late = Delivery("retryable", "no answer before the run had to end", uncertain=True)
    came: dict[str, Delivery] = {}

    def push(name: str, watcher: Watcher) -> None:
        came[name] = watcher.push(status)

    threads = [threading.Thread(target=push, args=one, daemon=True) for one in watchers.items()]
    until = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return {name: came.get(name, late) for name in watchers}


def _known(call: Call, store: Store | None) -> Known:
    judged: Sequence[Rule] | None = call.rules.only(call.names).rules if call.names else None
    known = Known(call.target.name, call.now, judged=judged, flags=call.flags)
    if store is None:
        return known
    return replace(
        known,
        records=store.records(),
        silences=store.silences.find(call.now),
        outbox=store.outbox,
    )


def _act(
    call: Call, store: Store, results: Sequence[Result], records: Mapping[str, Record]
) -> Mapping[str, str]:
    """Pause what is to be paused."""
    means = Means(
        journal=store.actions,
        connect=connector(call.target, call.environ),
        raw_schema=call.project.raw_schema,
        environ=call.environ,
        now=call.now,
        zone=ZoneInfo(call.settings.timezone),
    )
    rules = {rule.name: rule for rule in call.rules.rules}
    return pause(due(results, rules, records), results, means)


def _series(record: Record) -> SeriesStatus:
    return SeriesStatus(record.rule, record.severity, record.state, record.labels)


def _seconds(until: date, call: Call) -> float:
    """A moment, or the local midnight that begins a date, in seconds since 1970."""
    if isinstance(until, datetime):
        return until.timestamp()
    return datetime.combine(until, clock(), ZoneInfo(call.settings.timezone)).timestamp()
