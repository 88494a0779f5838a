"""A small world whose alerts are known: series that are fine or not, day by day, from a seed."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from alerts.state import Observation, Policy, Stretch

RULE = "ctr-floor"
SERIES = 3
POLICY = Policy(repeat_interval=None, no_data_after=3)
_BEGIN = date(2025, 1, 1)

# A series, the first day of an episode, and what is to be told of it.
Told = tuple[str, str, str]


def breaches(seed: str, series: int, days: int) -> list[bool]:
    """Whether each day is a breach; the first never is, so that every episode is news."""
    random = Random(f"{seed}/{series}")  # noqa: S311 - not for secrets
    found = [False]
    for _ in range(days):
        found.append(found[-1] != (random.random() < 0.4))
    return found


def observations(seed: str, day: int) -> list[Observation]:
    """What an evaluation says when `day` is the newest complete day."""
    return [_observation(f"series-{n}", breaches(seed, n, day)) for n in range(SERIES)]


def truth(seed: str, day: int) -> set[Told]:
    """Everything that must have been told by the end of that day."""
    return {
        told
        for one in observations(seed, day)
        for stretch in one.episodes
        for told in _told(one.fingerprint, stretch)
    }


def _told(series: str, stretch: Stretch) -> list[Told]:
    since = stretch.first.isoformat()
    begun = [(series, since, "firing")]
    return begun if stretch.open else [*begun, (series, since, "resolved")]


def _observation(name: str, days: list[bool]) -> Observation:
    stretches: list[Stretch] = []
    first: int | None = None
    for day, breach in enumerate([*days, False]):
        if breach and first is None:
            first = day
        elif not breach and first is not None:
            stretches.append(_stretch(first, day - 1, is_open=day == len(days)))
            first = None
    return Observation(
        fingerprint=name,
        rule=RULE,
        labels=(("series", name),),
        severity="page",
        state="firing" if days[-1] else "normal",
        at=_BEGIN + timedelta(days=len(days)),
        bucket=_BEGIN + timedelta(days=len(days) - 1),
        episodes=tuple(stretches),
        begins=_BEGIN,
    )


def _stretch(first: int, last: int, *, is_open: bool) -> Stretch:
    start = _BEGIN + timedelta(days=first)
    return Stretch(start, start, _BEGIN + timedelta(days=last), open=is_open)
