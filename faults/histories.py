"""Random histories of one series: the state machine against the plain reference model.

A history is a series of evaluations of days that may change afterwards: late rows, days without
data, queries that fail, silences, the same evaluation twice, evaluations left out, an earlier
`--as-of`, another definition of the rule.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, cast

from alerts.state import Observation, Policy, Stretch, Transition, step
from faults.reference import HOLDS, Reference, Told, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.state import State

_DAY_ZERO = date(2025, 1, 1)
_HOUR_ZERO = datetime(2025, 1, 1)  # noqa: DTZ001 - data time, of which only the order matters


@dataclass(frozen=True)
class Evaluation:
    """One evaluation, as the reference sees it, and whether the series is suppressed."""

    view: View
    suppressed: bool


@dataclass(frozen=True)
class History:
    """What happens to one series, and its rule's settings. `hourly` series have moments."""

    evaluations: tuple[Evaluation, ...]
    repeat: int
    patience: int
    hourly: bool


def draw(random: Random, length: int = 30) -> History:
    """A random history."""
    hold, keep, window = random.choice([1, 1, 2, 3]), random.choice([0, 0, 1, 2]), 12
    trouble = random.choice([0.05, 0.3, 0.6])
    days: list[str] = []
    rule, suppressed = "a", False
    evaluations = []
    for _ in range(random.randint(1, length)):
        days += [_outcome(random, days, trouble) for _ in range(random.choice([0, 1, 1, 1, 2, 5]))]
        if random.random() < 0.25:
            for _ in range(random.randint(1, 3)):
                _rewrite(random, days)
        suppressed = suppressed != (random.random() < 0.12)
        rule = "b" if random.random() < 0.01 else rule
        seen = len(days) - (random.randint(1, 4) if random.random() < 0.08 else 0)
        if random.random() < 0.08 or seen < 1:
            lost = random.choice(["error", "no_data"])
            view = View(lost, None, (), open=False, begins=None, rule=rule)
        else:
            view = _view(days[:seen], hold, keep, window, rule)
        evaluations += [Evaluation(view, suppressed)] * random.choice([1, 1, 1, 2])
    repeat, patience = random.choice([1, 2, 5]), random.choice([1, 2, 3])
    return History(tuple(evaluations), repeat, patience, random.random() < 0.3)


def differences(history: History) -> list[str]:
    """What machine and reference say differently, and what breaks a promise; empty if all is well.

    The promises are checked on what the machine says alone, whatever the reference thinks of it.
    """
    reference = Reference(history.repeat, history.patience)
    receivers = Receivers()
    unit = timedelta(hours=1) if history.hourly else timedelta(days=1)
    policy = Policy(history.repeat * unit, history.patience)
    record, found = None, []
    newest = -1
    for number, one in enumerate(history.evaluations):
        done = step(record, observation(one.view, history.hourly), policy, _why(one))
        said = [_short(each) for each in done.transitions]
        expected = reference.evaluate(one.view, one.suppressed)
        if said != expected:
            found.append(f"evaluation {number}: {said}, the reference says {expected}")
        backwards = one.view.day is not None and one.view.day < newest
        if backwards and (done.transitions or done.record != record):
            found.append(f"evaluation {number}: an earlier time changed something")
        found += [f"evaluation {number}: {text}" for text in receivers.take(said)]
        if not backwards:
            found += [f"evaluation {number}: {text}" for text in receivers.held(said, one)]
        if done.record.counter < (record.counter if record else 0):
            found.append(f"evaluation {number}: a number was given twice")
        newest = max(newest, -1 if one.view.day is None else one.view.day)
        record = done.record
    return found


class Receivers:
    """What receivers believe, from what is sent alone."""

    def __init__(self) -> None:
        self.fires: set[int] = set()
        self.blind: int | None = None
        self.numbers: set[int] = set()

    def take(self, said: list[Told]) -> Iterator[str]:
        """Hear what is sent; gives what makes no sense after what was heard before."""
        for kind, number, told in said:
            if not told:
                continue
            if kind in {"firing", "unknown"}:
                if number in self.numbers:
                    yield f"{kind} {number} was told before"
                self.numbers.add(number)
            yield from self._alarm(kind, number)

    def _alarm(self, kind: str, number: int) -> Iterator[str]:
        if kind in {"repeated", "resolved"} and number not in self.fires:
            yield f"{kind} {number}, but it was not told"
        if kind == "known" and self.blind != number:
            yield f"{number} is known again but was not unknown"
        if kind == "firing":
            self.fires.add(number)
        elif kind in {"unknown", "known"}:
            self.blind = number if kind == "unknown" else None
        elif kind != "repeated":
            self.fires.discard(number)

    def held(self, said: list[Told], one: Evaluation) -> Iterator[str]:
        """What receivers believe is what holds, as far as they are to be told."""
        ended = [kind for kind, _, _ in said if kind in {"resolved", "restated"}]
        if one.view.state in HOLDS:
            if ended:
                yield f"{one.view.state} ended an alert"
            return
        if not one.view.open and self.fires:
            yield "receivers believe that it fires"
        if one.view.state == "firing" and not one.suppressed and not self.fires:
            yield "it fires and receivers do not know"
        if len(self.fires) > 1:
            yield "receivers believe that it fires twice"
        if self.blind is not None:
            yield "receivers believe that nothing can be known"


def observation(view: View, hourly: bool) -> Observation:
    """The evaluation as the machine takes it."""
    zero: date = _HOUR_ZERO if hourly else _DAY_ZERO
    unit = timedelta(hours=1) if hourly else timedelta(days=1)
    stretches = tuple(
        Stretch(
            zero + min(days) * unit,
            zero + max(days) * unit,
            zero + max(days) * unit,
            open=view.open and days is view.episodes[-1],
        )
        for days in view.episodes
    )
    return Observation(
        fingerprint="f",
        rule="ctr-floor",
        labels=(("surface", "home"),),
        severity="page",
        state=cast("State", view.state),
        at=None if view.day is None else zero + (view.day + 1) * unit,
        bucket=None if view.day is None else zero + view.day * unit,
        episodes=stretches,
        begins=None if view.begins is None else zero + view.begins * unit,
        definition=view.rule,
    )


def figure(n: int, seed: int) -> dict[str, object]:
    """`n` random histories: how many evaluations and transitions, and how many differences."""
    found: list[str] = []
    kinds: Counter[str] = Counter()
    evaluations = 0
    for number in range(n):
        history = draw(Random(f"{seed}/{number}"))  # noqa: S311 - not for secrets
        evaluations += len(history.evaluations)
        found += [f"history {number}, {text}" for text in differences(history)]
        kinds.update(_kinds(history))
    return {
        "promise": "state machine: 0 differences to a plain reference model",
        "histories": n,
        "evaluations": evaluations,
        "transitions": dict(kinds),
        "differences": len(found),
        "examples": found[:3],
        "holds": not found,
    }


def _kinds(history: History) -> Iterator[str]:
    reference = Reference(history.repeat, history.patience)
    for one in history.evaluations:
        yield from (kind for kind, _, _ in reference.evaluate(one.view, one.suppressed))


def _outcome(random: Random, days: list[str], trouble: float) -> str:
    """A new day; trouble lasts."""
    if days and random.random() < 0.5:
        return days[-1]
    if random.random() < trouble:
        return random.choice(["breach", "breach", "breach", "no_data", "invalid", "too_few"])
    return "ok"


def _rewrite(random: Random, days: list[str]) -> None:
    """Late rows: a day of the last ten is another one now."""
    if days:
        place = random.randrange(max(0, len(days) - 10), len(days))
        days[place] = random.choice(["ok", "breach", "ok", "breach", "no_data"])


def _view(days: list[str], hold: int, keep: int, window: int, rule: str) -> View:
    """The episodes of the newest days, day by day: a run fires at `hold` breaches.

    It ends at the `keep + 1`-th day in a row that is fine.
    """
    begins = max(0, len(days) - window)
    episodes: list[frozenset[int]] = []
    run: list[int] = []
    fine = 0
    for day in range(begins, len(days)):
        if days[day] == "breach":
            run, fine = [*run, day], 0
        elif days[day] == "ok":
            fine += 1
            if len(run) < hold or fine > keep:
                episodes += [_span(run)] if len(run) >= hold else []
                run = []
    is_open = len(run) >= hold
    episodes += [_span(run)] if is_open else []
    last = days[-1]
    if last in HOLDS:
        state = last
    elif is_open:
        state = "firing" if last == "breach" else "recovering"
    else:
        state = "pending" if run and last == "breach" else "normal"
    return View(state, len(days) - 1, tuple(episodes), is_open, begins, rule)


def _span(run: list[int]) -> frozenset[int]:
    return frozenset(range(run[0], run[-1] + 1))


def _why(one: Evaluation) -> str:
    return "silence 1" if one.suppressed else ""


def _short(transition: Transition) -> Told:
    return transition.kind, transition.episode, transition.told
