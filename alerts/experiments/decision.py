"""From figures to one recommendation, with its reasons.

An arm is rolled back where a guardrail fails or a primary metric is significantly worse, on any
day; it is shipped where a primary metric is significantly better on day N and it is not rolled
back; else it goes on. On day N the fixed test counts, once; on every day the confidence sequences
do, for harm only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from alerts.experiments.guardrails import Judgement, Pause
from alerts.experiments.results import Estimate, Refusal
from alerts.experiments.wording import count, lift, p_value, signed_percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from alerts.experiments.comparisons import Comparison
    from alerts.experiments.horizon import Schedule
    from alerts.experiments.judgements import Judged
    from alerts.experiments.validity import Problem

Action = Literal["ship", "roll back", "keep running", "invalid"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with one arm.

    Attributes:
        arm: The treatment.
        action: ship, roll back or keep running.
        reasons: Sentences.
    """

    arm: str
    action: Action
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to do with the experiment.

    Attributes:
        action: One of four.
        arm: Which is shipped or rolled back; None where it is about all of them.
        reasons: Sentences, the most important first.
        until: Until when to keep running; None where that is not known, or there is another action.
        arms: The verdict on each treatment; empty where the experiment is invalid.
    """

    action: Action
    arm: str | None
    reasons: tuple[str, ...]
    until: date | None = None
    arms: tuple[Verdict, ...] = ()

    @property
    def text(self) -> str:
        """The recommendation in one line."""
        if self.action == "invalid":
            return f"invalid: {self.reasons[0]}"
        return f"{self.action} {self.arm}" if self.arm else self.action


@dataclass(frozen=True, slots=True)
class Figures:
    """What decides.

    Attributes:
        problems: What is wrong with the experiment.
        comparisons: Of every metric and arm.
        judged: Of every guardrail and arm.
        schedule: How far it has come; None before there are users.
        alpha: Of the family of primary metrics.
        has_ended: Whether no user comes any more.
    """

    problems: Sequence[Problem]
    comparisons: Sequence[Comparison]
    judged: Sequence[Judged]
    schedule: Schedule | None
    alpha: float
    has_ended: bool


def recommend(figures: Figures) -> Recommendation:
    """The recommendation: invalid before ship, ship before roll back, else keep running.

    With several arms an arm that may be shipped decides, the one with the largest lift of the first
    primary metric that is better; an arm to be rolled back only where there is none.
    """
    fatal = [problem for problem in figures.problems if problem.is_fatal]
    if fatal or figures.schedule is None:
        said = tuple(problem.sentence for problem in fatal) or ("not started: no users yet",)
        return Recommendation("invalid", None, said)
    verdicts = [
        _verdict(figures, figures.schedule, arm)
        for arm in dict.fromkeys(one.arm for one in figures.comparisons)
    ]
    by_action: dict[Action, list[Verdict]] = {}
    for verdict in verdicts:
        by_action.setdefault(verdict.action, []).append(verdict)
    shipped = sorted(by_action.get("ship", []), key=lambda one: -_best_lift(figures, one.arm))
    for chosen in (shipped, by_action.get("roll back", [])):
        if chosen:
            return _named(chosen[0], verdicts)
    reasons = dict.fromkeys(reason for verdict in verdicts for reason in verdict.reasons)
    until = None if figures.has_ended else figures.schedule.expected_on
    return Recommendation("keep running", None, tuple(reasons), until, tuple(verdicts))


def _named(chosen: Verdict, verdicts: Sequence[Verdict]) -> Recommendation:
    others = tuple(
        f"{other.arm}: {other.action}, {reason}"
        for other in verdicts
        if other is not chosen
        for reason in other.reasons[:1]
    )
    return Recommendation(
        chosen.action, chosen.arm, (*chosen.reasons, *others), arms=tuple(verdicts)
    )


def _verdict(figures: Figures, schedule: Schedule, arm: str) -> Verdict:
    primary = [
        one for one in figures.comparisons if one.arm == arm and one.metric.role == "primary"
    ]
    judged = [one for one in figures.judged if one.arm == arm]
    cautions = tuple(_cautions(judged, schedule))
    harm = (*_failing(judged, schedule), *_worse(primary, figures, schedule))
    if harm:
        return Verdict(arm, "roll back", harm)
    better = tuple(_better(primary, figures, schedule))
    if better:
        return Verdict(arm, "ship", (*better, *cautions))
    return Verdict(arm, "keep running", (*_waiting(primary, figures, schedule), *cautions))


def _failing(judged: Sequence[Judged], schedule: Schedule) -> Iterator[str]:
    for one in judged:
        name = f"the guardrail {one.guard.name} fails in {one.arm}"
        if isinstance(one.pause, Pause) and one.pause.is_due:
            yield f"{name}: {_levels(one)}, beyond its margin at every look together"
        elif schedule.is_reached and _outcome(one) == "fail":
            yield f"{name}: {_levels(one)}, beyond its margin on day {schedule.day_n}"


def _outcome(one: Judged) -> str | None:
    return one.judgement.outcome if isinstance(one.judgement, Judgement) else None


def _levels(one: Judged) -> str:
    control, treatment = one.control.value, one.treatment.value
    if not control or treatment is None:
        return "no level"
    return f"{signed_percent(treatment / control - 1)} against control"


def _worse(primary: Sequence[Comparison], figures: Figures, schedule: Schedule) -> Iterator[str]:
    for one in primary:
        final, holm = final_of(one, schedule)
        if holm is not None and holm < figures.alpha and _gain(one, final) < 0:
            yield f"{_told(one, final)}: significantly worse (adjusted p {_is(holm)})"
        elif one.at_every_look == "worse":
            yield f"{_told(one, one.deciding)}: worse at every look together"


def _better(primary: Sequence[Comparison], figures: Figures, schedule: Schedule) -> Iterator[str]:
    for one in primary:
        final, holm = final_of(one, schedule)
        if holm is not None and holm < figures.alpha and _gain(one, final) > 0:
            yield (
                f"{_told(one, final)} on day {schedule.day_n}: significantly better "
                f"(adjusted p {_is(holm)})"
            )


def final_of(one: Comparison, schedule: Schedule) -> tuple[Estimate | Refusal | None, float | None]:
    """The test of day N with its adjusted p-value; nothing while that day is to come."""
    if not schedule.is_reached:
        return None, None
    if one.on_day_n is not None:
        return one.on_day_n, one.holm_on_day_n
    return one.deciding, one.holm


def _gain(one: Comparison, estimate: Estimate | Refusal | None) -> float:
    if not isinstance(estimate, Estimate):
        return 0.0
    sign = -1 if one.metric.direction == "lower_is_better" else 1
    return sign * estimate.difference


def _best_lift(figures: Figures, arm: str) -> float:
    schedule = figures.schedule
    for one in figures.comparisons:
        if schedule is not None and one.arm == arm and one.metric.role == "primary":
            final, holm = final_of(one, schedule)
            if holm is not None and holm < figures.alpha and isinstance(final, Estimate):
                return abs(final.lift.value or 0.0)
    return 0.0


def _told(one: Comparison, estimate: Estimate | Refusal | None) -> str:
    said = f"{one.metric.metric} in {one.arm}"
    return f"{said} {lift(estimate.lift)}" if isinstance(estimate, Estimate) else said


def _waiting(primary: Sequence[Comparison], figures: Figures, schedule: Schedule) -> Iterator[str]:
    if not schedule.is_reached:
        yield _still(schedule, has_ended=figures.has_ended)
        return
    day = f"on day {schedule.day_n} ({schedule.decided_on}), when success is decided"
    for one in primary:
        final, holm = final_of(one, schedule)
        if isinstance(final, Estimate):
            said = f"{_told(one, final)}: neither better nor worse {day} (adjusted p {_is(holm)})"
        else:
            reason = final.reason if isinstance(final, Refusal) else "no test"
            said = f"{_told(one, final)}: not tested {day}: {reason}"
        yield said
    ended = "it has ended without a decision" if figures.has_ended else "that test counts once"
    yield f"{ended}: to find a smaller effect, start afresh with more users"


def _still(schedule: Schedule, *, has_ended: bool) -> str:
    said = f"day {schedule.full_days} of {schedule.min_days:g}"
    if schedule.horizon_users:
        said += f", {count(schedule.users)} of {count(schedule.horizon_users)} planned users"
    if has_ended:
        return f"{said}: it has ended before success could be decided"
    if schedule.expected_on is None:
        return f"{said}: at this pace the planned users never come"
    return f"{said}: success is decided on {schedule.expected_on}, not before"


def _cautions(judged: Sequence[Judged], schedule: Schedule) -> Iterator[str]:
    """Guardrails that nobody can vouch for: they stop nothing, and must not look like passed."""
    refused = [one for one in judged if isinstance(one.judgement, Refusal)]
    if refused:
        names = ", ".join(one.guard.name for one in refused)
        yield f"not judged: the guardrail{'s' if len(refused) > 1 else ''} {names}"
    unsure = [one.guard.name for one in judged if _outcome(one) == "inconclusive"]
    if unsure and schedule.is_reached:
        yield f"inconclusive: the guardrail{'s' if len(unsure) > 1 else ''} {', '.join(unsure)}"


def _is(p: float | None) -> str:
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"
