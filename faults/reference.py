"""The state machine once more, plain and slow: days are numbers, episodes are sets of days.

It shares no code with `alerts.state.machine` and keeps no record but these few facts. Where both
say the same of thousands of random histories, a mistake would have to be made twice, differently.
"""

from __future__ import annotations

from dataclasses import dataclass, field

HOLDS = ("no_data", "invalid", "error", "too_few")
Told = tuple[str, int, bool]


@dataclass(frozen=True)
class View:
    """What one evaluation shows: every fired episode as its days, whether the last is open."""

    state: str
    day: int | None
    episodes: tuple[frozenset[int], ...]
    open: bool
    begins: int | None
    rule: str


@dataclass
class Alarm:
    """An episode with its number, its days, whether it was told and on which day last."""

    number: int
    days: frozenset[int]
    told: bool
    told_on: int | None


@dataclass
class Reference:
    """One series. `repeat` is in days, `patience` in evaluations."""

    repeat: int
    patience: int
    numbers: int = 0
    newest: int | None = None
    judged: int | None = None
    past: list[frozenset[int]] = field(default_factory=list)
    rule: str = ""
    alarm: Alarm | None = None
    over: Alarm | None = None
    blind: int = 0
    blindness: Alarm | None = None

    def evaluate(self, view: View, suppressed: bool) -> list[Told]:
        """What happened, each with its number and whether it is to be sent."""
        if view.day is not None and self.newest is not None and view.day < self.newest:
            return []
        if view.day is not None:
            self.newest = view.day
        if view.state in HOLDS:
            return [*self._begun_before(view, suppressed), *self._blind(view, suppressed)]
        return [*self._sees_again(), *self._judge(view, suppressed)]

    def _next(self) -> int:
        self.numbers += 1
        return self.numbers

    def _unseen(self, days: frozenset[int]) -> bool:
        """Whether any day of it is newer than all that was judged."""
        return self.judged is not None and any(day > self.judged for day in days)

    def _begun_before(self, view: View, suppressed: bool) -> list[Told]:
        if self.alarm is not None or not view.open or not self._unseen(view.episodes[-1]):
            return []
        return [self._start(view.episodes[-1], not suppressed, view.day)]

    def _start(self, days: frozenset[int], told: bool, day: int | None) -> Told:
        self.alarm = Alarm(self._next(), days, told, day if told else None)
        return ("firing", self.alarm.number, told)

    def _blind(self, view: View, suppressed: bool) -> list[Told]:
        if view.state == "too_few":
            return []
        self.blind += 1
        if self.blindness is None and self.blind >= self.patience:
            self.blindness = Alarm(self._next(), frozenset(), not suppressed, None)
            return [("unknown", self.blindness.number, not suppressed)]
        if self.blindness is not None and not self.blindness.told and not suppressed:
            self.blindness.told = True
            return [("unknown", self.blindness.number, True)]
        return []

    def _sees_again(self) -> list[Told]:
        was, self.blindness, self.blind = self.blindness, None, 0
        return [] if was is None else [("known", was.number, was.told)]

    def _judge(self, view: View, suppressed: bool) -> list[Told]:
        same_rule = view.rule == self.rule
        remembered, handled = self.over, []
        happened: list[Told] = []
        if self.alarm is not None:
            handled = [days for days in view.episodes if days & self.alarm.days]
            happened += self._alarm_now(self.alarm, view, handled, suppressed)
        elif self.over is not None and same_rule and self._never_was(self.over.days, view):
            happened.append(("restated", self.over.number, True))
            self.over = remembered = None
        for days in view.episodes:
            if days not in handled:
                happened += self._other(days, view, suppressed, remembered)
        if not same_rule:
            self.over = None
        self.past, self.rule, self.judged = list(view.episodes), view.rule, view.day
        return happened

    def _never_was(self, days: frozenset[int], view: View) -> bool:
        reaches = view.begins is not None and view.begins <= min(days)
        return reaches and not any(days & other for other in view.episodes)

    def _other(
        self, days: frozenset[int], view: View, suppressed: bool, remembered: Alarm | None
    ) -> list[Told]:
        """An episode that is not the one that fired at the last evaluation."""
        if view.open and days is view.episodes[-1]:
            fires = view.state == "firing" or self._unseen(days)
            return [self._start(days, fires and not suppressed, view.day)]
        if self._unseen(days):
            number = self._next()
            if not suppressed:
                self.over = Alarm(number, days, True, view.day)
            return [("firing", number, not suppressed), ("resolved", number, not suppressed)]
        if self.judged is None or view.rule != self.rule:
            return []
        told = [one.days for one in (remembered, self.over) if one is not None]
        if any(days & other for other in (*self.past, *told)):
            return []
        number = self._next()
        return [("firing", number, False), ("resolved", number, False)]

    def _alarm_now(
        self, alarm: Alarm, view: View, shared: list[frozenset[int]], suppressed: bool
    ) -> list[Told]:
        goes_on = bool(shared) and view.open and shared[-1] is view.episodes[-1]
        if goes_on:
            alarm.days = shared[-1]
            if view.state != "firing" or suppressed:
                return []
            return self._say_again(alarm, view.day)
        self.alarm = None
        aged = view.begins is not None and max(alarm.days) < view.begins
        if not shared and view.rule == self.rule and not aged:
            return [("restated", alarm.number, alarm.told)]
        if shared:
            alarm.days = shared[-1]
        if alarm.told:
            self.over = alarm
        return [("resolved", alarm.number, alarm.told)]

    def _say_again(self, alarm: Alarm, day: int | None) -> list[Told]:
        if not alarm.told:
            alarm.told, alarm.told_on = True, day
            return [("firing", alarm.number, True)]
        if day is None or alarm.told_on is None or day - alarm.told_on < self.repeat:
            return []
        alarm.told_on = day
        return [("repeated", alarm.number, True)]
