"""What the state machine takes, keeps and gives.

All times are data time: a date where the mart's buckets are days or weeks, else a moment. The two
are never compared with each other: a rule that moves from one kind of mart to another begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from datetime import date, timedelta

    from alerts.notify.message import Kind, Severity

State = Literal[
    "firing", "pending", "recovering", "normal", "no_data", "invalid", "error", "too_few"
]
# Nothing can be said of the value; worth an alert of its own when it lasts.
UNKNOWN: frozenset[State] = frozenset({"no_data", "invalid", "error"})
# None of these ends an alert.
HOLDING: frozenset[State] = UNKNOWN | {"too_few"}
Labels = tuple[tuple[str, str], ...]

# Why a transition is other than it usually is:
#   passed        the episode began and ended between two evaluations;
#   late_rows     late rows made it in a past that was already judged: recorded, not sent;
#   held_back     it is told now because it was suppressed when it happened;
#   rule_gone     the rule is no longer in the rule file;
#   rule_changed  the rule says something else since;
#   out_of_sight  the mart no longer reaches back to the episode.
Because = Literal[
    "", "passed", "late_rows", "held_back", "rule_gone", "rule_changed", "out_of_sight"
]


class Stretch(NamedTuple):
    """A fired episode as the marts show it now. `first`, `fired`, `last` are bucket starts.

    `last` is the newest breach; `open` says that nothing has ended it since.
    """

    first: date
    fired: date
    last: date
    open: bool


@dataclass(frozen=True)
class Observation:
    """What one evaluation says of one series.

    Attributes:
        fingerprint: Of the rule and its labels.
        rule: Its name.
        labels: Of the series.
        severity: Of the rule.
        state: At the newest complete bucket.
        at: The end of that bucket; None where there is none, as when the query failed.
        bucket: Its start.
        value: At that bucket.
        threshold: What it is held against.
        reason: The state in a sentence.
        episodes: Every fired episode of the history read, oldest first.
        begins: The first bucket that could be judged; None where it is not known. An episode
            that is missing from the history was reversed only if the history reaches back to it.
        definition: Changes when the rule's meaning does; a past judged by another rule is not
            compared with today's.
    """

    fingerprint: str
    rule: str
    labels: Labels
    severity: Severity
    state: State
    at: date | None
    bucket: date | None = None
    value: float | None = None
    threshold: float | None = None
    reason: str = ""
    episodes: tuple[Stretch, ...] = ()
    begins: date | None = None
    definition: str = ""


@dataclass(frozen=True)
class Episode:
    """One that has a number. `told` says whether receivers know of it, `told_at` since when."""

    number: int
    first: date
    last: date
    told: bool
    told_at: date | None = None


@dataclass(frozen=True)
class Outage:
    """An alert that nothing can be known; it has a number of its own, as an episode has."""

    number: int
    told: bool


@dataclass(frozen=True)
class Record:
    """What is remembered of one series.

    Attributes:
        fingerprint: Of the rule and its labels.
        rule: Its name.
        labels: Of the series.
        severity: Of the rule.
        state: At the last evaluation.
        at: Up to where the data were evaluated.
        bucket: The newest bucket that could be judged.
        counter: The highest number given to an episode or outage.
        episode: The one that is open.
        ended: The last one that receivers know of, ended since.
        unknown: Evaluations in a row that could not tell.
        outage: The alert about that.
        known: First and last breach of every episode of the history, as last judged.
        definition: Of the rule that judged it.
        value: At the last evaluation.
        reason: At the last evaluation.
    """

    fingerprint: str
    rule: str
    labels: Labels
    severity: Severity
    state: State = "normal"
    at: date | None = None
    bucket: date | None = None
    counter: int = 0
    episode: Episode | None = None
    ended: Episode | None = None
    unknown: int = 0
    outage: Outage | None = None
    known: tuple[tuple[date, date], ...] = ()
    definition: str = ""
    value: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Transition:
    """One thing that happened to a series.

    Attributes:
        fingerprint: Of the rule and its labels.
        rule: Its name.
        labels: Of the series.
        severity: Of the rule.
        episode: Number of the episode or outage; with the fingerprint it identifies an incident.
        kind: What happened.
        at: Data time of the evaluation that saw it; None where it has none.
        since: The first breach of the episode; None for an outage.
        value: At that evaluation.
        reason: In a sentence.
        told: Whether it is to be sent.
        because: Why it is out of the ordinary.
        suppressed: What kept it from being sent.
    """

    fingerprint: str
    rule: str
    labels: Labels
    severity: Severity
    episode: int
    kind: Kind
    at: date | None
    since: date | None = None
    value: float | None = None
    reason: str = ""
    told: bool = True
    because: Because = ""
    suppressed: str = ""


@dataclass(frozen=True)
class Policy:
    """How a rule's alerts are told.

    `repeat_interval` is how long it fires before that is said again, None for never; after
    `no_data_after` evaluations that could not tell, that is an alert of its own.
    """

    repeat_interval: timedelta | None = None
    no_data_after: int = 3


@dataclass(frozen=True)
class Step:
    """The record after an evaluation, what happened, and what the user should know of it."""

    record: Record
    transitions: tuple[Transition, ...] = ()
    remark: str = ""
