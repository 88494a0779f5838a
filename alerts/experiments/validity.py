"""Whether an experiment's figures may be read at all: what makes it invalid, what is odd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from alerts.experiments.results import Refusal
from alerts.experiments.srm import Srm, srm
from alerts.experiments.wording import count, p_value, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.experiments.evidence import ArmUsers, Counted, Evidence
    from alerts.experiments.srm import Period

# A logging error touches a share of the users; a handful of users is none.
TOLERATED_SHARE = 0.01
TOLERATED_USERS = 10
# An arm without users where so many were to be expected has no traffic: e⁻¹⁰ by chance.
EXPECTED_USERS = 10

Kind = Literal[
    "not_started",
    "no_control",
    "no_treatment",
    "no_primary_metric",
    "no_weights",
    "srm",
    "idle_arm",
    "mixed_users",
    "exposed_without_assignment",
    "exposed_to_other_variation",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """What makes an experiment invalid, or would if it were more.

    Attributes:
        kind: A stable name.
        sentence: What is wrong, in figures.
        advice: What to do.
        is_fatal: Whether it makes the experiment invalid; else it is a warning.
    """

    kind: Kind
    sentence: str
    advice: str
    is_fatal: bool = True


@dataclass(frozen=True, slots=True)
class Split:
    """The users by arm against the weights.

    Attributes:
        assigned: Of users assigned.
        exposed: Of those who have seen the experiment.
    """

    assigned: Srm | Refusal
    exposed: Srm | Refusal


SRM_ADVICE = (
    "Stop reading the metrics. Look for users lost between assignment and log (redirects, crashes, "
    "bots, filters) and for weights that changed without a new version; then start afresh."
)


def split_of(evidence: Evidence) -> Split:
    """Both tests of the split."""
    return Split(_srm(evidence.periods("assigned")), _srm(evidence.periods("exposed")))


def _srm(periods: list[Period]) -> Srm | Refusal:
    """Of the periods that weigh their arms at all."""
    weighed = [period for period in periods if any(weight for _, weight in period.values())]
    return srm(weighed) if weighed else Refusal("no arm has a weight" if periods else "not started")


def problems(evidence: Evidence, split: Split) -> tuple[Problem, ...]:
    """Everything that is wrong, fatal ones first."""
    found = [*_plan(evidence)]
    if evidence.today:
        found += [*_arms(evidence), *_split(split), *_health(evidence)]
    return tuple(sorted(found, key=lambda problem: not problem.is_fatal))


def _plan(evidence: Evidence) -> Iterator[Problem]:
    plan = evidence.plan
    if plan.started_at is None:
        said = f"not started: its status is {plan.status}, and it has no started_at"
        yield Problem("not_started", said, "Set status and started_at when it begins.")
        return
    if evidence.day is None:
        said = f"not started: no data since its start at {plan.started_at:%Y-%m-%d %H:%M}"
        yield Problem("not_started", said, "Look whether events arrive, and run `dbt build`.")
        return
    if plan.control is None:
        said = "no control: not exactly one arm is marked is_control"
        yield Problem("no_control", said, "Mark one arm in `variations`.")
    elif evidence.today and not evidence.weights.get(plan.control):
        said = f"no control: {plan.control} has no weight any more"
        yield Problem("no_control", said, "Give control a weight, or start afresh.")
    elif evidence.today and not evidence.treatments:
        said = "no treatment: no arm but control has a weight"
        yield Problem("no_treatment", said, "Give another arm a weight.")
    if not any(metric.is_measured for metric in plan.of_role("primary")):
        said = f"no primary metric is measured where the source is {plan.source}"
        advice = "Name one of seeds/experiment_metrics.csv as config.primary_metric."
        yield Problem("no_primary_metric", said, advice)


def _split(split: Split) -> Iterator[Problem]:
    for counted, result in _tests(split):
        if isinstance(result, Refusal):
            continue
        if result.is_mismatch or result.is_mismatch_anytime:
            yield Problem("srm", _mismatch(counted, result), SRM_ADVICE)


def _tests(split: Split) -> tuple[tuple[Counted, Srm | Refusal], ...]:
    return (("assigned", split.assigned), ("exposed", split.exposed))


def _mismatch(counted: Counted, result: Srm) -> str:
    if result.reason:
        return f"sample ratio mismatch of {counted} users: {result.reason}"
    seen = " : ".join(f"{users:,}" for users in result.observed)
    due = " : ".join(count(users) for users in result.expected)
    return (
        f"sample ratio mismatch of {counted} users: {seen} where {due} were to be expected "
        f"(p {_is(result.p_value)}, log10 of the Bayes factor {result.log10_bayes_factor:.1f})"
    )


def _is(p: float) -> str:
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"


def _arms(evidence: Evidence) -> Iterator[Problem]:
    """Arms of the last weight period without traffic, and users whom no weight explains."""
    rows = [row for row in evidence.today if row.weight_period == evidence.period]
    if not any(row.expected_weight for row in rows):
        yield Problem("no_weights", "no arm has a weight", "Give the arms weights in `variations`.")
    for row in rows:
        if row.expected_users < EXPECTED_USERS or not row.expected_weight:
            continue
        if not row.assigned_users or not row.exposed_users:
            yield _idle(row)


def _idle(row: ArmUsers) -> Problem:
    what = "exposed" if row.assigned_users else "assigned"
    said = (
        f"the arm {row.variation} has no traffic: no user is {what}, "
        f"{count(row.expected_users)} were to be expected"
    )
    return Problem("idle_arm", said, f"Switch {row.variation} on, or take it out of `variations`.")


def _health(evidence: Evidence) -> Iterator[Problem]:
    health = evidence.health
    if health is None:
        return
    assigned = health.assigned_users + health.mixed_users
    named = health.exposed_users + health.exposed_without_assignment
    kinds: tuple[tuple[Kind, int, int, str, str], ...] = (
        (
            "mixed_users",
            health.mixed_users,
            assigned,
            "were seen in a second arm",
            "Assign by a key that stays with the user, and start afresh.",
        ),
        (
            "exposed_without_assignment",
            health.exposed_without_assignment,
            named,
            "saw the experiment without an assignment",
            "Log the assignment before the first exposure, for every user.",
        ),
        (
            "exposed_to_other_variation",
            health.exposed_to_other_variation,
            health.exposed_users,
            "saw another arm than their assignment says",
            "Make what serves and what logs read the same assignment.",
        ),
    )
    for kind, users, out_of, what, advice in kinds:
        if users:
            share = users / max(out_of, users)
            fatal = share > TOLERATED_SHARE and users >= TOLERATED_USERS
            said = f"{count(users)} users ({percent(share)}) {what}"
            if fatal:
                said += f", more than {percent(TOLERATED_SHARE, 0)}"
            yield Problem(kind, said, advice, fatal)
