"""What people ask the state: what happened, who silenced what, what was paused."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from alerts.errors import ConfigurationError
from alerts.state.rows import read_labels, read_time, read_transition, transition_row, wall, written
from alerts.state.silence import Silence
from alerts.state.tables import ACTIONS, SILENCES, TRANSITIONS, sealed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from sqlalchemy import Connection

    from alerts.state.model import Transition
    from alerts.state.session import Session


@dataclass(frozen=True)
class Entry:
    """A transition and when it was recorded (wall time)."""

    transition: Transition
    recorded: datetime


@dataclass(frozen=True)
class Action:
    """What recwatch did to an experiment, or would have done in a dry run.

    `at` is the data time of the verdict, `created` the wall time of the deed.
    """

    experiment: str
    rule: str
    what: str
    outcome: str
    at: date | None
    created: datetime


class History:
    """Every transition, told or not."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(
        self,
        rules: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        since: date | None = None,
        until: date | None = None,
        limit: int | None = None,
    ) -> list[Entry]:
        """The newest `limit` transitions, oldest first.

        Of these rules, with these labels, of data from `since` to before `until`.
        """
        query = TRANSITIONS.select().order_by(TRANSITIONS.c.id.desc())
        if rules:
            query = query.where(TRANSITIONS.c.rule.in_(list(rules)))
        # A date comes before every moment of its day, as text too.
        if since is not None:
            query = query.where(TRANSITIONS.c.at >= written(since))
        if until is not None:
            query = query.where(TRANSITIONS.c.at < written(until))
        if limit is not None and not labels:
            query = query.limit(limit)
        wanted = set((labels or {}).items())
        rows = [
            row
            for row in self._session.rows(TRANSITIONS, query)
            if not wanted or wanted <= set(read_labels(row["labels"]))
        ]
        return [_entry(row) for row in reversed(rows[:limit])]

    def add(self, connection: Connection, transitions: Iterable[Transition], now: datetime) -> None:
        """Within a transaction: write them, in order."""
        rows = [sealed(TRANSITIONS, transition_row(one, now)) for one in transitions]
        if rows:
            connection.execute(TRANSITIONS.insert(), rows)


class Silences:
    """Who does not want to be told what, until when."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, silence: Silence, now: datetime) -> Silence:
        """Begin one; gives it with its number. One that is over already is an error."""
        if silence.ends <= now:
            raise ConfigurationError("a silence must end after now")
        row = {
            "author": silence.author,
            "reason": silence.reason,
            "matchers": json.dumps([list(pair) for pair in silence.matchers], ensure_ascii=True),
            "starts": wall(silence.starts),
            "ends": wall(silence.ends),
            "created": wall(now),
        }
        with self._session.writing() as connection:
            result = connection.execute(SILENCES.insert(), sealed(SILENCES, row))
            number = result.inserted_primary_key
        return replace(silence, id=str(number[0] if number else ""))

    def find(self, now: datetime, *, ended: bool = False) -> list[Silence]:
        """Those that hold now or later; all of them where `ended`."""
        query = SILENCES.select().order_by(SILENCES.c.id)
        if not ended:
            query = query.where(SILENCES.c.ends > wall(now))
        return [_silence(row) for row in self._session.rows(SILENCES, query)]

    def end(self, number: str, now: datetime) -> Silence:
        """End one now. One that is not there, or is over, is a `ConfigurationError`."""
        query = SILENCES.select().where(SILENCES.c.id == (int(number) if number.isdigit() else 0))
        rows = self._session.rows(SILENCES, query)
        if not rows or rows[0]["ends"] <= wall(now):
            raise ConfigurationError(f"no silence {number} holds: see `recwatch silence list`")
        if wall(now) <= rows[0]["starts"]:
            # It never held: nothing has to remember it.
            with self._session.writing() as connection:
                connection.execute(SILENCES.delete().where(SILENCES.c.id == rows[0]["id"]))
            return _silence(rows[0])
        row = sealed(SILENCES, {**rows[0], "ends": wall(now)})
        with self._session.writing() as connection:
            connection.execute(SILENCES.update().where(SILENCES.c.id == row["id"]).values(row))
        return _silence(row)


class Actions:
    """What recwatch did by itself; never deleted."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, action: Action) -> None:
        """Write one down, in a transaction of its own: the deed is done."""
        row = {
            "experiment": action.experiment,
            "rule": action.rule,
            "what": action.what,
            "outcome": action.outcome,
            "at": written(action.at),
            "created": wall(action.created),
        }
        with self._session.writing() as connection:
            connection.execute(ACTIONS.insert(), sealed(ACTIONS, row))

    def find(self, experiment: str | None = None) -> list[Action]:
        """All of them, or those on one experiment, oldest first."""
        query = select(ACTIONS).order_by(ACTIONS.c.id)
        if experiment is not None:
            query = query.where(ACTIONS.c.experiment == experiment)
        return [_action(row) for row in self._session.rows(ACTIONS, query)]


def days_before(now: datetime, days: int) -> str:
    """Wall time so many days ago, as it is written."""
    return wall(now - timedelta(days=days))


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(read_transition(row), datetime.fromisoformat(row["recorded"]))


def _action(row: Mapping[str, Any]) -> Action:
    plain = {name: row[name] for name in ("experiment", "rule", "what", "outcome")}
    created = datetime.fromisoformat(row["created"])
    return Action(**plain, at=read_time(row["at"]), created=created)


def _silence(row: Mapping[str, Any]) -> Silence:
    return Silence(
        id=str(row["id"]),
        author=row["author"],
        reason=row["reason"],
        matchers=tuple((name, value) for name, value in json.loads(row["matchers"])),
        starts=datetime.fromisoformat(row["starts"]),
        ends=datetime.fromisoformat(row["ends"]),
    )
