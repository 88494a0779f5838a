"""Episodes against incidents: what was found and how late, and what fired without a cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.backtest.matching import fired_at, is_about, watches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from alerts.backtest.messages import Span
    from alerts.backtest.truth import Incident
    from alerts.rules import Rule
    from alerts.runner import Episode


@dataclass(frozen=True)
class Caught:
    """An incident, and what was sent about it.

    Attributes:
        incident: What was planted.
        rules: Names of the rules that watch it; empty where none does.
        episodes: Their episodes about it, in the order in which they fired.
        delay: From its beginning until the first of them was told; None where there is none.
    """

    incident: Incident
    rules: tuple[str, ...]
    episodes: tuple[Episode, ...]
    delay: timedelta | None

    @property
    def is_found(self) -> bool:
        """Whether anything was sent about it."""
        return bool(self.episodes)

    @property
    def found_by(self) -> tuple[str, ...]:
        """The rules that found it, the first one first."""
        return tuple(dict.fromkeys(episode.rule for episode in self.episodes))


@dataclass(frozen=True)
class Score:
    """The episodes of a span against the incidents of it.

    Attributes:
        caught: Every incident that begins within the span, in order of time.
        true: Episodes that an incident explains, also one that began before the span.
        false: All others.
    """

    caught: tuple[Caught, ...]
    true: tuple[Episode, ...]
    false: tuple[Episode, ...]

    @property
    def covered(self) -> tuple[Caught, ...]:
        """The incidents that a rule watches."""
        return tuple(one for one in self.caught if one.rules)

    @property
    def missed(self) -> tuple[Caught, ...]:
        """Those of them that nothing was sent about."""
        return tuple(one for one in self.covered if not one.is_found)

    @property
    def recall(self) -> float | None:
        """The share of the incidents that a rule watches which were found; None without any."""
        if not self.covered:
            return None
        return 1 - len(self.missed) / len(self.covered)

    @property
    def precision(self) -> float | None:
        """The share of the episodes that an incident explains; None without any."""
        return precision(len(self.true), len(self.false))

    def is_false(self, episode: Episode) -> bool:
        """Whether no incident explains an episode."""
        return any(episode is one for one in self.false)


def precision(true: int, false: int) -> float | None:
    """True ones of all; None where there are none."""
    return true / (true + false) if true + false else None


def score(
    incidents: Sequence[Incident], rules: Sequence[Rule], episodes: Sequence[Episode], span: Span
) -> Score:
    """Match in both directions; `episodes` are those that fired within the span."""
    by_name = {rule.name: rule for rule in rules}
    every = [_caught(incident, by_name, episodes) for incident in incidents]
    explained = {id(episode) for one in every for episode in one.episodes}
    within = [one for one in every if span.begins(one.incident.begins)]
    return Score(
        caught=tuple(sorted(within, key=lambda one: (one.incident.begins, one.incident.id))),
        true=tuple(one for one in episodes if id(one) in explained),
        false=tuple(one for one in episodes if id(one) not in explained),
    )


def _caught(incident: Incident, rules: Mapping[str, Rule], episodes: Sequence[Episode]) -> Caught:
    watching = tuple(name for name, rule in rules.items() if watches(rule, incident))
    about = [
        episode
        for episode in episodes
        if episode.rule in watching and is_about(episode, rules[episode.rule], incident)
    ]
    about.sort(key=lambda episode: fired_at(episode, rules[episode.rule]))
    delay = fired_at(about[0], rules[about[0].rule]) - incident.begins if about else None
    return Caught(incident, watching, tuple(about), delay)
