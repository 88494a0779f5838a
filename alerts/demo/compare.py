"""Alerts against the truth: what was planted and found, and what fired without a cause."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from alerts.backtest.matching import is_about, watches
from alerts.detectors import Limit
from alerts.experiments.comparisons import MINIMUM_USERS
from alerts.experiments.results import Refusal
from alerts.experiments.srm import srm
from alerts.rules.model import DATA_QUALITY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from alerts.backtest.truth import Incident, Reason, Truth
    from alerts.rules import Rule
    from alerts.runner import Episode

# Reasons of `data_quality_daily` that speak of sound rows.
_SOUND = frozenset({"accepted", "duplicate"})


@dataclass(frozen=True)
class Observed:
    """What the marts and `rejected_rows` show beside the alerts.

    Attributes:
        rows: Rows by table and reason in `data_quality_daily`, over all days.
        rejected: Rows by table and reason in `rejected_rows`.
        exposed: By experiment, the exposed users of its smallest arm.
    """

    rows: Mapping[Reason, int]
    rejected: Mapping[Reason, int]
    exposed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One incident held against what came out.

    Attributes:
        incident: What was planted.
        rules: The rules that find it or have missed it; empty where none can.
        episodes: Their episodes on its surface and days.
        instead: What shows an incident that no rule covers; what rules said that missed it.
        ok: Found by a rule, or shown exactly elsewhere.
        hindered: Which rules watch it and why they cannot see it here; empty where they can, or
            where none does.
    """

    incident: Incident
    rules: tuple[Rule, ...]
    episodes: tuple[Episode, ...]
    instead: str
    ok: bool
    hindered: str = ""

    @property
    def status(self) -> Literal["found", "shown", "missed"]:
        """Found by a rule, shown elsewhere as planted, or missed."""
        if not self.ok:
            return "missed"
        return "found" if self.rules else "shown"


@dataclass(frozen=True)
class Difference:
    """A count that is not what the truth says."""

    where: str
    table: str
    reason: str
    expected: int
    counted: int

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"{self.where}: {self.table}, {self.reason}: "
            f"{self.counted:,} instead of {self.expected:,}"
        )


@dataclass(frozen=True)
class Comparison:
    """Everything planted with what was found, every false alarm, every wrong count.

    `planted` and `counted` are the rows by table and reason that `data_quality_daily` should
    have, and has.
    """

    findings: tuple[Finding, ...]
    false_alarms: tuple[Episode, ...]
    differences: tuple[Difference, ...]
    planted: Mapping[Reason, int] = field(default_factory=dict)
    counted: Mapping[Reason, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether all is as it was planted."""
        found = all(finding.ok for finding in self.findings)
        return found and not self.false_alarms and not self.differences

    @property
    def covered(self) -> tuple[Finding, ...]:
        """The findings on incidents that a rule covers."""
        return tuple(finding for finding in self.findings if finding.rules)

    def causes(self, episode: Episode) -> tuple[Incident, ...]:
        """The incidents that explain an episode."""
        return tuple(one.incident for one in self.findings if episode in one.episodes)


def compare(
    truth: Truth, rules: Sequence[Rule], episodes: Sequence[Episode], observed: Observed
) -> Comparison:
    """Match episodes with incidents, in both directions, and counts with counts."""
    by_name = {rule.name: rule for rule in rules}
    differences = (
        *_differences("data_quality_daily", truth.rows, observed.rows),
        *_differences("rejected_rows", truth.rejected, observed.rejected),
    )
    findings = [
        _finding(incident, by_name, episodes, _Elsewhere(truth, observed, differences))
        for incident in truth.incidents
    ]
    explained = {id(episode) for finding in findings for episode in finding.episodes}
    unexplained = tuple(episode for episode in episodes if id(episode) not in explained)
    return Comparison(tuple(findings), unexplained, differences, truth.rows, observed.rows)


def _finding(
    incident: Incident,
    rules: Mapping[str, Rule],
    episodes: Sequence[Episode],
    elsewhere: _Elsewhere,
) -> Finding:
    watching = {name: rule for name, rule in rules.items() if watches(rule, incident)}
    # The demo loads all of its history in one night, so by the day of the load there is only one.
    covering = {name: rule for name, rule in watching.items() if rule.mart != DATA_QUALITY}
    if not covering:
        instead, ok = elsewhere.look(incident)
        hindered = f"{', '.join(watching)}, had it not all been loaded at once" if watching else ""
        return Finding(incident, (), (), instead, ok, hindered)
    too_small = _too_small(incident, tuple(covering.values()), elsewhere.observed)
    matching = tuple(
        episode
        for episode in episodes
        if episode.rule in covering and is_about(episode, covering[episode.rule], incident)
    )
    if too_small and not matching:
        hindered = f"too small in this shop for {', '.join(covering)}"
        return Finding(incident, (), (), too_small, ok=True, hindered=hindered)
    return Finding(incident, tuple(covering.values()), matching, "", bool(matching))


def _too_small(incident: Incident, rules: Sequence[Rule], observed: Observed) -> str:
    """Why the shop is too small for any rule to find what is wrong with an experiment, if so.

    Judged by what was planted, never by what the rules said.
    """
    trial = incident.trial
    if trial is None:
        return ""
    if incident.kind in {"srm", "idle_arm"}:
        result = srm(trial.periods)
        if isinstance(result, Refusal):
            return f"too few users to show it: {result.reason}"
        found = result.is_mismatch or result.is_mismatch_anytime
        return "" if found else f"{trial.users:,} users are too few to show it"
    if incident.kind == "mixed_users":
        share = trial.mixed_users / trial.users if trial.users else 0.0
        asked = [rule.min_denominator.value for rule in rules if rule.min_denominator]
        shown = any(
            Limit(rule.when.operator, rule.when.bound or 0.0).breached(share) for rule in rules
        )
        return (
            ""
            if shown and trial.users >= min(asked, default=0)
            else f"{trial.users:,} users are too few"
        )
    fewest = observed.exposed.get(trial.key, MINIMUM_USERS)
    return "" if fewest >= MINIMUM_USERS else f"{fewest} users in an arm are too few to judge"


@dataclass(frozen=True)
class _Elsewhere:
    """Where an incident shows that no rule covers."""

    truth: Truth
    observed: Observed
    differences: Sequence[Difference]

    def look(self, incident: Incident) -> tuple[str, bool]:
        """What shows the incident instead of an alert, and whether it does so exactly."""
        match incident.kind:
            case "broken_rows":
                return self._broken()
            case "late_rows":
                return self._late()
            case "ramp" | "restart":
                return "nothing fires, rightly; recwatch readout takes it into account", True
        return "nothing shows it yet", True

    def _broken(self) -> tuple[str, bool]:
        rows = self.observed.rows
        refused = {key: count for key, count in rows.items() if key[1] not in _SOUND}
        reasons = len({reason for _, reason in refused})
        text = (
            f"data_quality_daily: {sum(refused.values()):,} rows, {reasons} reasons; "
            f"rejected_rows: {sum(self.observed.rejected.values()):,}"
        )
        return self._exact(text, lambda reason: reason not in _SOUND)

    def _late(self) -> tuple[str, bool]:
        accepted, duplicate = (
            sum(count for (_, reason), count in self.observed.rows.items() if reason == wanted)
            for wanted in ("accepted", "duplicate")
        )
        text = f"data_quality_daily: {accepted:,} rows accepted, {duplicate:,} duplicate"
        return self._exact(text, lambda reason: reason in _SOUND)

    def _exact(self, text: str, concerns: Callable[[str], bool]) -> tuple[str, bool]:
        exact = not any(concerns(one.reason) for one in self.differences)
        return f"{text}, {'exactly as planted' if exact else 'NOT as planted'}", exact


def _differences(
    where: str, expected: Mapping[Reason, int], counted: Mapping[Reason, int]
) -> list[Difference]:
    return [
        Difference(where, *key, expected.get(key, 0), counted.get(key, 0))
        for key in sorted({*expected, *counted})
        if expected.get(key, 0) != counted.get(key, 0)
    ]
