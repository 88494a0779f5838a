"""Stopping an experiment that does harm: once, on fresh data, and never the other way.

A rule with `action: pause` sets the status of the experiment's newest version to `paused`, on
Postgres, as a role that can do nothing else (docs/pause.sql), and tells a flag service where
`webhook_env` names one. It is written down before and after, so that a run that is killed in
between is understood: an intent without an outcome is carried out only if nobody has touched the
experiment since. Whoever resumes it by hand is not overruled: an episode pauses once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol
from urllib.error import HTTPError

from alerts.detectors.sentences import shown
from alerts.errors import WarehouseError
from alerts.notify import http
from alerts.notify.attempts import Answer, Patience, Persistence
from alerts.notify.message import Delivery
from alerts.rules import ExperimentGuardrail, Srm
from alerts.runner.inhibit import FIRING, SOURCE, sources_of
from alerts.runner.route import all_labels
from alerts.state.journal import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from zoneinfo import ZoneInfo

    from alerts.rules import Rule
    from alerts.runner.evaluate import Result
    from alerts.state.model import Record
    from alerts.warehouse import Target
    from alerts.warehouse.postgres_engine import ExperimentVersion

USER, PASSWORD = "RECWATCH_PAUSE_USER", "RECWATCH_PAUSE_PASSWORD"
# Of all arms together: a guardrail asks for 100 in each of two.
MINIMUM_USERS = 200
# The newest complete day may have ended yesterday, as when the night's build was late.
RECENT = timedelta(days=1)
# Outcomes; what follows a colon is for people.
INTENDED, PAUSED, LEFT, FAILED, DRY = "intended", "paused", "left alone", "failed", "dry run"


class Stopping(Protocol):
    """What pauses: `Postgres` of the warehouse."""

    def experiment_version(self, raw_schema: str, key: str) -> ExperimentVersion | None:
        """The newest version of an experiment."""
        ...

    def pause_experiment(self, raw_schema: str, version: ExperimentVersion) -> bool:
        """Pause it, if it is as it was read; whether that was so."""
        ...


class Journal(Protocol):
    """What was done: `Store.actions`."""

    def add(self, action: Action) -> None:
        """Write one down for good."""
        ...

    def find(self, experiment: str | None = None) -> list[Action]:
        """Those on an experiment, oldest first."""
        ...


@dataclass(frozen=True)
class Due:
    """An alert that asks for its experiment to be paused."""

    result: Result
    rule: Srm | ExperimentGuardrail
    episode: int

    @property
    def incident(self) -> str:
        """What happens once."""
        return f"{self.result.fingerprint}.{self.episode}"

    @property
    def experiment(self) -> str:
        """Its key."""
        return all_labels(self.rule, self.result.labels).get("experiment_key", "")


@dataclass(frozen=True)
class Means:
    """With what to pause.

    Attributes:
        journal: Where it is written down.
        connect: Opens the warehouse for it; None on an engine where it cannot be done.
        raw_schema: Of the raw tables.
        environ: Where the variables of `webhook_env` are.
        now: The clock.
        zone: In which the marts cut their days.
        patience: With the webhook.
    """

    journal: Journal
    connect: Callable[[], AbstractContextManager[Stopping]] | None
    raw_schema: str
    environ: Mapping[str, str]
    now: datetime
    zone: ZoneInfo
    patience: Patience = field(default_factory=Patience)


def due(
    results: Iterable[Result], rules: Mapping[str, Rule], records: Mapping[str, Record]
) -> list[Due]:
    """The alerts that fire, are told, and ask for a pause; `records` are those of this run.

    What is silenced or held back pauses nothing: nobody would hear of it.
    """
    found = []
    for result in results:
        rule, record = rules.get(result.rule), records.get(result.fingerprint)
        if not isinstance(rule, Srm | ExperimentGuardrail) or rule.action != "pause":
            continue
        if result.state == "firing" and record and record.episode and record.episode.told:
            found.append(Due(result, rule, record.episode.number))
    return found


def pause(alerts: Iterable[Due], results: Sequence[Result], means: Means) -> dict[str, str]:
    """Pause what is due; what became of it by fingerprint, for the notes of the alerts.

    `results` are all of the run: a late source stands among them, or one with refused rows. Never
    raises for what the warehouse or the webhook does; a state that cannot be written stops it
    before anything is done.
    """
    notes: dict[str, str] = {}
    for one in alerts:
        said = f"experiment {one.experiment}"
        obstacle = _obstacle(one, results, means)
        if obstacle:
            notes[one.result.fingerprint] = f"{said} is not paused: {obstacle}"
        elif one.rule.dry_run:
            _Deed(one, means).rehearse()
            notes[one.result.fingerprint] = f"would pause {said} (dry_run: false would do it)"
        else:
            notes[one.result.fingerprint] = f"{said} {'; '.join(_Deed(one, means).carry_out())}"
    return notes


def connector(
    target: Target, environ: Mapping[str, str]
) -> Callable[[], AbstractContextManager[Stopping]] | None:
    """Opens the target for writing, as the role of the two variables where they are set."""
    if target.type != "postgres":
        return None
    settings = dict(target.settings)
    if environ.get(USER):
        settings |= {"user": environ[USER], "password": environ.get(PASSWORD, "")}
        for name in ("pass", "role"):
            settings.pop(name, None)

    def connect() -> AbstractContextManager[Stopping]:
        from contextlib import closing  # noqa: PLC0415 - psycopg2 only for who pauses

        from alerts.warehouse.postgres_engine import connect as open_postgres  # noqa: PLC0415

        return closing(open_postgres(replace(target, settings=settings), read_only=False))

    return connect


def _obstacle(one: Due, results: Sequence[Result], means: Means) -> str:
    """Why nothing may be done now; empty where it may."""
    if not one.experiment:
        return "the alert names no experiment"
    for other in results:
        source = dict(other.labels).get(SOURCE)
        if other.state in FIRING and source in sources_of(one.rule):
            return f"{other.rule} fires for {source}, its data cannot be trusted"
    until = one.result.until
    if until is None:
        return "it has no complete day"
    if isinstance(until, datetime):
        age = means.now - until
    else:
        age = means.now.astimezone(means.zone).date() - until
    if not -RECENT <= age <= RECENT:
        return f"the newest data judged end at {shown(until)}, that is not now"
    users = one.result.denominator or 0
    if users < MINIMUM_USERS:
        return f"{users:,.0f} users are fewer than {MINIMUM_USERS}"
    return ""


class _Deed:
    """One alert, and what is done about it."""

    def __init__(self, one: Due, means: Means) -> None:
        self.one = one
        self.means = means
        self.pausing = f"pause for {one.incident}"
        self.posting = f"webhook for {one.incident}"
        self.past = means.journal.find(one.experiment)

    def rehearse(self) -> None:
        """Write down, once, what would be done."""
        if not self._outcomes(self.pausing):
            self._write(self.pausing, DRY)

    def carry_out(self) -> list[str]:
        """Pause, tell the flag service; what became of either."""
        if self.means.connect is None:
            return self._without_warehouse()
        done = [one for one in self._outcomes(self.pausing) if one.startswith((PAUSED, LEFT))]
        if done:
            said, is_over = _repeated(done[-1], self._when(self.pausing)), done[-1] != PAUSED
        else:
            said, is_over = self._pause()
        return [said] if is_over else [said, *self._post()]

    def _without_warehouse(self) -> list[str]:
        if self.one.rule.webhook_env is None:
            return [
                "is not paused: only on Postgres can its status be set; name the address of your "
                "flag service by webhook_env"
            ]
        return ["is not paused in the warehouse, which is no Postgres", *self._post()]

    def _pause(self) -> tuple[str, bool]:
        """What became of it, and whether the experiment is none to stop.

        A warehouse that refuses keeps nobody from telling the flag service.
        """
        assert self.means.connect is not None  # noqa: S101 - for the type checker
        try:
            with self.means.connect() as warehouse:
                why = self._pause_in(warehouse)
        except WarehouseError as error:
            text = next(iter(str(error).splitlines()), "")
            self._write(self.pausing, f"{FAILED}: {text}")
            return f"could not be paused, which is tried again at the next run: {text}", False
        self._write(self.pausing, f"{LEFT}: {why}" if why else PAUSED)
        return (f"is not paused: {why}", True) if why else ("is paused: its status was set", False)

    def _pause_in(self, warehouse: Stopping) -> str:
        """Pause it; why it is left alone, if it is."""
        schema = self.means.raw_schema
        version = warehouse.experiment_version(schema, self.one.experiment)
        if version is None:
            return f"it is not in {schema}.experiments"
        intents = [text for text in self._outcomes(self.pausing) if text.startswith(INTENDED)]
        untouched = f"{INTENDED}: {_stamp(version)}"
        if intents and intents[-1] != untouched:
            # By the run that was killed, or by somebody since, who may have resumed it.
            if version.status == "paused":
                return ""
            return f"it was changed since an earlier run began to, its status is {version.status}"
        if version.status != "running":
            return f"its status is {version.status}"
        self._write(self.pausing, untouched)
        if warehouse.pause_experiment(schema, version):
            return ""
        return "it was changed at the same moment"

    def _post(self) -> list[str]:
        """Tell the flag service, unless it knows."""
        name = self.one.rule.webhook_env
        if name is None or "delivered" in self._outcomes(self.posting):
            return []
        url = self.means.environ.get(name, "").strip()
        if not url.startswith(("http://", "https://")):
            return [f"the flag service is not told: {name} holds no http(s) address"]
        self._write(self.posting, INTENDED)
        work = partial(_posted, url, self._body(), self.posting, self.means.patience.timeout)
        delivery = Persistence(self.means.patience).run(work)
        if delivery.failed:
            self._write(self.posting, f"{FAILED}: {delivery.detail}")
            return [f"the flag service could not be told: {delivery.detail}"]
        self._write(self.posting, "delivered")
        return ["the flag service was told"]

    def _body(self) -> bytes:
        one = self.one
        content = {
            "action": "pause",
            "experiment_key": one.experiment,
            "rule": one.rule.name,
            "labels": dict(one.result.labels),
            "reason": one.result.reason,
            "incident": one.incident,
            "as_of": shown(one.result.until),
        }
        return json.dumps(content, ensure_ascii=True).encode()

    def _outcomes(self, what: str) -> list[str]:
        return [action.outcome for action in self.past if action.what == what]

    def _when(self, what: str) -> datetime:
        return max(action.created for action in self.past if action.what == what)

    def _write(self, what: str, outcome: str) -> None:
        one = self.one
        action = Action(
            experiment=one.experiment,
            rule=one.rule.name,
            what=what,
            outcome=outcome,
            at=one.result.until,
            created=self.means.now,
        )
        self.means.journal.add(action)
        self.past.append(action)


def _repeated(outcome: str, when: datetime) -> str:
    if outcome.startswith(PAUSED):
        return f"was paused for this at {shown(when)}, which is done once"
    return f"is not paused: {outcome.partition(': ')[2]} at {shown(when)}"


def _stamp(version: ExperimentVersion) -> str:
    return f"{version.updated_at.isoformat()} {version.loaded_at.isoformat()}"


def _posted(url: str, body: bytes, key: str, timeout: float) -> Answer:
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    try:
        http.request("POST", url, body, headers, timeout)
    except HTTPError as error:
        return http.refusal(error)
    return Answer(Delivery("delivered"))
