"""How many messages an episode is, had `recwatch check` run as each bucket ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.backtest.matching import fired_at, moment_of
from alerts.rules.marts import MARTS
from alerts.runner.observe import repeat_interval

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from alerts.rules import Rule
    from alerts.runner import Episode


@dataclass(frozen=True)
class Span:
    """From one moment until another."""

    start: datetime
    end: datetime

    def begins(self, moment: datetime) -> bool:
        """Whether something that begins at a moment begins within."""
        return self.start <= moment < self.end

    def tells(self, moment: datetime) -> bool:
        """Whether what is known at a moment, because a bucket ended then, is told within."""
        return self.start < moment <= self.end

    @property
    def length(self) -> timedelta:
        """From start to end."""
        return self.end - self.start


@dataclass(frozen=True)
class Messages:
    """Messages by kind; each receiver of the rule gets as many."""

    firing: int = 0
    repeated: int = 0
    resolved: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.firing + self.repeated + self.resolved

    def __add__(self, other: Messages) -> Messages:
        """Both together."""
        return Messages(
            self.firing + other.firing,
            self.repeated + other.repeated,
            self.resolved + other.resolved,
        )


def count_messages(episodes: Iterable[Episode], rule: Rule, span: Span) -> Messages:
    """The messages of these episodes of a rule within a span."""
    return sum((_messages(episode, rule, span) for episode in episodes), Messages())


def ended_at(episode: Episode, rule: Rule) -> datetime:
    """When its last breach was over and could be judged."""
    mart = MARTS[rule.mart]
    return moment_of(episode.last) + mart.bucket + mart.settles


def resolved_at(episode: Episode, rule: Rule) -> datetime | None:
    """When it is told that it is over: once fine buckets have lasted; None while it is open."""
    if episode.open:
        return None
    bucket = MARTS[rule.mart].bucket
    return ended_at(episode, rule) + _whole(rule.keep_firing_for or bucket, bucket)


def _messages(episode: Episode, rule: Rule, span: Span) -> Messages:
    fired, ended = fired_at(episode, rule), ended_at(episode, rule)
    step = _whole(repeat_interval(rule), MARTS[rule.mart].bucket)
    repeats = [fired + n * step for n in range(1, (ended - fired) // step + 1)]
    resolved = resolved_at(episode, rule)
    return Messages(
        firing=int(span.tells(fired)),
        repeated=sum(map(span.tells, repeats)),
        resolved=int(resolved is not None and span.tells(resolved)),
    )


def _whole(length: timedelta, bucket: timedelta) -> timedelta:
    """A length rounded up to whole buckets: nothing is judged between them."""
    return -(-length // bucket) * bucket
