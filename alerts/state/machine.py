"""What is remembered, and what the marts say now: what has happened since.

The marts are believed, not the memory: late rows may have changed any bucket. So an episode is not
built up bucket by bucket; the episodes of the whole history are compared with what was told.

- An episode is the same one if it shares a bucket with the one remembered.
- What reaches beyond the newest bucket judged before is news and is told, even if it is over.
- What lies wholly before that bucket and was not there the last time comes of late rows: it is
  recorded, and nobody is woken for last week.
- An episode that was told and is not there any more is `restated`; one that has an end is
  `resolved`. Only an evaluation that can judge the series ends anything.
- Whoever was told that it fires is told that it ended, also when it was silenced in between:
  else an incident would stay open that nobody closes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from alerts.state.model import HOLDING, UNKNOWN, Episode, Outage, Record, Step, Stretch, Transition

if TYPE_CHECKING:
    from datetime import date

    from alerts.notify.message import Kind
    from alerts.state.model import Because, Observation, Policy


def step(record: Record | None, seen: Observation, policy: Policy, suppressed: str = "") -> Step:
    """One evaluation of one series.

    Args:
        record: What is remembered of it; None the first time.
        seen: What the evaluation says.
        policy: Of its rule.
        suppressed: What keeps it from being told, such as a silence; empty where nothing does.
            Nothing is marked as told then, and it is told when the suppression ends, if it still
            fires.
    """
    before = record or Record(seen.fingerprint, seen.rule, seen.labels, seen.severity)
    if _backwards(before, seen):
        return Step(before, (), f"as at {seen.at}, but judged through {before.at} before")
    change = _Change(before, seen, policy, suppressed)
    if seen.state in HOLDING:
        change.hold()
    else:
        change.judge()
    return Step(change.after(), tuple(change.transitions))


def forget(record: Record) -> Step:
    """The rule is no longer in the rule file: what receivers know of ends.

    The record stays, so that no number is given twice if the rule comes back.
    """
    gone = "the rule is no longer in the rule file"
    ends: list[Transition] = []
    if record.outage is not None:
        ends.append(_ended(record, "known", record.outage, None, gone))
    if record.episode is not None:
        ends.append(_ended(record, "resolved", record.episode, record.episode.first, gone))
    blank = Record(record.fingerprint, record.rule, record.labels, record.severity)
    return Step(replace(blank, counter=record.counter, reason=gone), tuple(ends))


def _ended(
    record: Record, kind: Kind, what: Episode | Outage, since: date | None, reason: str
) -> Transition:
    return Transition(
        fingerprint=record.fingerprint,
        rule=record.rule,
        labels=record.labels,
        severity=record.severity,
        episode=what.number,
        kind=kind,
        at=record.at,
        since=since,
        reason=reason,
        told=what.told,
        because="rule_gone",
    )


class _Change:
    """One evaluation in the making: the record as it becomes, and what happened so far."""

    def __init__(self, record: Record, seen: Observation, policy: Policy, suppressed: str) -> None:
        self.record = record
        self.seen = seen
        self.policy = policy
        self.suppressed = suppressed
        self.transitions: list[Transition] = []
        self.is_comparable = _same_kind(record.bucket, seen.bucket)
        self.is_same_rule = self.is_comparable and record.definition == seen.definition

    def after(self) -> Record:
        """The record, with what the evaluation says in any case."""
        seen = self.seen
        return replace(
            self.record,
            severity=seen.severity,
            state=seen.state,
            at=seen.at if seen.at is not None else self.record.at,
            value=seen.value,
            reason=seen.reason,
        )

    def hold(self) -> None:
        """It cannot be judged: nothing ends, but what had begun before is told."""
        news = [one for one in self.seen.episodes if one.open and self.is_news(one)]
        if self.record.episode is None and news:
            self.begin(news[-1])
        if self.seen.state not in UNKNOWN:
            return
        count = self.record.unknown + 1
        self.record = replace(self.record, unknown=count)
        outage = self.record.outage
        if outage is None and count >= self.policy.no_data_after:
            outage = Outage(self.number(), told=not self.suppressed)
            self.add("unknown", outage.number, told=outage.told)
        elif outage is not None and not outage.told and not self.suppressed:
            outage = replace(outage, told=True)
            self.add("unknown", outage.number, because="held_back")
        self.record = replace(self.record, outage=outage)

    def judge(self) -> None:
        """It can be judged: the episodes of the history against what is remembered."""
        if self.record.outage is not None:
            self.add("known", self.record.outage.number, told=self.record.outage.told)
        self.record = replace(self.record, unknown=0, outage=None)
        history = _history(self.seen)
        current = self.record.episode
        if current is None:
            self.amend_ended(history)
        else:
            self.compare(current, history)
        for one in history:
            if current is not None and self.is_comparable and _share(one, current):
                continue
            self.meet(one)
        self.remember(history)

    def compare(self, current: Episode, history: list[Stretch]) -> None:
        """What became of the episode that was open."""
        shared = [one for one in history if _share(one, current)] if self.is_comparable else []
        if not shared:
            self.lose(current)
        elif shared[-1].open:
            self.go_on(replace(current, first=shared[-1].first, last=shared[-1].last))
        else:
            self.end(replace(current, first=shared[-1].first, last=shared[-1].last), "resolved")

    def lose(self, current: Episode) -> None:
        """It is not in the history any more."""
        begins = self.seen.begins
        if not self.is_same_rule:
            self.end(current, "resolved", "rule_changed")
        elif begins is not None and current.last < begins:
            self.end(current, "resolved", "out_of_sight")
        else:
            self.end(current, "restated")

    def end(self, episode: Episode, kind: Kind, because: Because = "") -> None:
        """Whoever knows that it began learns that it ended."""
        self.add(kind, episode.number, episode.first, told=episode.told, because=because)
        told = episode if episode.told and kind == "resolved" else self.record.ended
        self.record = replace(self.record, episode=None, ended=told)

    def go_on(self, episode: Episode) -> None:
        """It still fires: told if it was held back, said again when it is time."""
        at = self.seen.at
        if self.seen.state == "firing" and not self.suppressed:
            if not episode.told:
                episode = replace(episode, told=True, told_at=at)
                self.add("firing", episode.number, episode.first, because="held_back")
            elif self.is_due(episode):
                episode = replace(episode, told_at=at)
                self.add("repeated", episode.number, episode.first)
        self.record = replace(self.record, episode=episode)

    def is_due(self, episode: Episode) -> bool:
        """Whether it was told long enough ago."""
        at, told_at, interval = self.seen.at, episode.told_at, self.policy.repeat_interval
        if at is None or told_at is None or interval is None:
            return False
        return _same_kind(at, told_at) and at - told_at >= interval

    def meet(self, one: Stretch) -> None:
        """An episode that is not the one remembered."""
        if one.open:
            self.begin(one)
        elif self.is_news(one):
            number = self.number()
            told = not self.suppressed
            self.add("firing", number, one.first, told=told, because="passed")
            self.add("resolved", number, one.first, told=told, because="passed")
            if told:
                ended = Episode(number, one.first, one.last, told, self.seen.at)
                self.record = replace(self.record, ended=ended)
        elif self.is_made_late(one):
            number = self.number()
            self.add("firing", number, one.first, told=False, because="late_rows")
            self.add("resolved", number, one.first, told=False, because="late_rows")

    def begin(self, one: Stretch) -> None:
        """It fires. What fired before anything was remembered is told while it fires."""
        told = not self.suppressed and (self.seen.state == "firing" or self.is_news(one))
        number = self.number()
        self.add("firing", number, one.first, told=told)
        at = self.seen.at if told else None
        self.record = replace(self.record, episode=Episode(number, one.first, one.last, told, at))

    def amend_ended(self, history: list[Stretch]) -> None:
        """Late rows may say that the episode told last, and ended, never was."""
        ended, begins = self.record.ended, self.seen.begins
        if ended is None or not self.is_same_rule or begins is None or ended.first < begins:
            return
        if not any(_share(one, ended) for one in history):
            self.add("restated", ended.number, ended.first)
            self.record = replace(self.record, ended=None)

    def is_news(self, one: Stretch) -> bool:
        """Whether it reaches beyond what was judged before."""
        judged = self.record.bucket
        return judged is not None and self.is_comparable and one.last > judged

    def is_made_late(self, one: Stretch) -> bool:
        """Whether it lies in what was judged before, and was not there then."""
        if self.record.bucket is None or not self.is_same_rule:
            return False
        spans = [*self.record.known]
        spans += [(told.first, told.last) for told in (self.record.ended,) if told is not None]
        return not any(one.first <= last and first <= one.last for first, last in spans)

    def remember(self, history: list[Stretch]) -> None:
        """What the next evaluation is held against."""
        if not self.is_same_rule:
            self.record = replace(self.record, ended=None)
        # An experiment that is over has no newest bucket, yet maybe an episode that ended with it.
        bucket = self.seen.bucket or max((one.last for one in history), default=None)
        if bucket is None:
            return
        self.record = replace(
            self.record,
            bucket=bucket,
            known=tuple((one.first, one.last) for one in history),
            definition=self.seen.definition,
        )

    def number(self) -> int:
        """One that no episode or outage of this series had."""
        self.record = replace(self.record, counter=self.record.counter + 1)
        return self.record.counter

    def add(
        self,
        kind: Kind,
        number: int,
        since: date | None = None,
        *,
        told: bool = True,
        because: Because = "",
    ) -> None:
        """Something happened."""
        seen = self.seen
        transition = Transition(
            fingerprint=seen.fingerprint,
            rule=seen.rule,
            labels=seen.labels,
            severity=seen.severity,
            episode=number,
            kind=kind,
            at=seen.at if seen.at is not None else self.record.at,
            since=since,
            value=seen.value,
            reason=seen.reason,
            told=told,
            because=because,
            suppressed="" if told else self.suppressed,
        )
        self.transitions.append(transition)


def _history(seen: Observation) -> list[Stretch]:
    """The episodes, oldest first; what fires without one is an episode of its one bucket."""
    history = sorted(seen.episodes)
    if seen.state in {"firing", "recovering"} and not any(one.open for one in history):
        bucket = seen.bucket or seen.at
        if bucket is not None:
            history.append(Stretch(bucket, bucket, bucket, open=True))
    return history


def _share(one: Stretch, episode: Episode) -> bool:
    """Whether they have a bucket in common."""
    return one.first <= episode.last and episode.first <= one.last


def _same_kind(one: date | None, other: date | None) -> bool:
    """Whether both are dates or both are moments; None is as good as either."""
    return one is None or other is None or type(one) is type(other)


def _backwards(record: Record, seen: Observation) -> bool:
    """Whether the evaluation is of an earlier time than the last."""
    if record.at is None or seen.at is None or not _same_kind(record.at, seen.at):
        return False
    return seen.at < record.at
