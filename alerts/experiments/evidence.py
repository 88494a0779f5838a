"""What the marts say of one experiment, as types: its plan, its moments, its users, its health.

Pure functions from rows of the marts (column to value, as a warehouse gives them) to frozen types.
Everything that judges an experiment starts from `Evidence`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from alerts.experiments.moments import Moments

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from alerts.experiments.guardrails import Direction
    from alerts.experiments.srm import Period
    from alerts.experiments.values import Kind

Role = Literal["primary", "secondary", "guardrail"]
MetricKind = Literal["mean", "proportion", "ratio"]
Counted = Literal["assigned", "exposed"]
Row = Mapping[str, Any]
ByArm = Mapping[str, Moments]

ALL = "all"
PERIOD = "weight_period"


class Cell(NamedTuple):
    """What a set of moments by arm is about."""

    metric: str
    segment_type: str
    segment: str


@dataclass(frozen=True, slots=True)
class PlanMetric:
    """A metric of an experiment (`experiments.experiment_plan_metrics`).

    Attributes:
        metric: Its name.
        role: primary, secondary or guardrail.
        is_measured: Whether the moments have it.
        kind: mean (per user), proportion or ratio; None where nothing measures it.
        direction: Which way is better; None where nobody said.
        threshold: What the experiment's configuration says of the guardrail, such as `+5%`.
        margin: Tolerable worsening where the configuration gives no threshold.
        margin_type: relative or absolute.
        scale: What figures are multiplied by for people.
    """

    metric: str
    role: Role
    is_measured: bool
    kind: MetricKind | None
    direction: Direction | None
    threshold: str | None = None
    margin: float | None = None
    margin_type: Literal["relative", "absolute"] | None = None
    scale: float = 1.0

    @property
    def test_kind(self) -> Kind:
        """Which test it takes: a proportion of a user's events is a ratio."""
        return "mean" if self.kind == "mean" else "ratio"


@dataclass(frozen=True, slots=True)
class Plan:
    """An experiment as its newest version has it (`experiments.experiment_plans`).

    Attributes are the columns of the mart, which describes them, with its metrics.
    """

    experiment_key: str
    name: str | None
    status: str
    owner: str | None
    source: str
    control: str | None
    arms: int
    weight_periods: int
    weights_changed_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    first_day: date | None
    last_day: date | None
    decision_day: date | None
    min_duration_days: float | None
    horizon_users: float | None
    latency_threshold_ms: float | None
    updated_at: datetime | None
    metrics: tuple[PlanMetric, ...] = ()

    def metric(self, name: str) -> PlanMetric | None:
        """The metric of this name, if the plan has it."""
        return next((one for one in self.metrics if one.metric == name), None)

    def of_role(self, role: Role) -> tuple[PlanMetric, ...]:
        """Its metrics in a role, by name."""
        return tuple(one for one in self.metrics if one.role == role)


@dataclass(frozen=True, slots=True)
class ArmUsers:
    """Users of an arm in a weight period to the end of a day (`experiment_srm_daily`)."""

    day: date
    variation: str
    weight_period: int
    assigned_users: int
    exposed_users: int
    expected_weight: float
    expected_users: float
    mixed_users: int


@dataclass(frozen=True, slots=True)
class Health:
    """Whether assignments and exposures reach each other, in users (`experiment_health_daily`)."""

    day: date
    assigned_users: int
    exposed_users: int
    exposed_without_assignment: int
    assigned_without_exposure: int
    mixed_users: int
    exposed_to_other_variation: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of an experiment at the end of a day.

    Attributes:
        plan: As it stands now.
        day: The last day counted; None before there is any.
        moments: By metric and segment, then by arm.
        users: By day, arm and weight period, for every day up to `day`.
        health: On `day`; None where there is none.
        is_whole: Whether the day is over: later data exist, or the experiment has ended.
        horizon: The moments on the earlier day on which success was decided; None where that day
            is `day` itself or still to come.
        horizon_day: That day.
        looks: By day, the moments of the primary metrics of the users who decide, for every day
            since the first of theirs; None where daily looks were not asked for.
    """

    plan: Plan
    day: date | None
    moments: Mapping[Cell, ByArm]
    users: tuple[ArmUsers, ...]
    health: Health | None
    is_whole: bool = True
    horizon: Mapping[Cell, ByArm] | None = None
    horizon_day: date | None = None
    looks: Mapping[date, Mapping[Cell, ByArm]] | None = None

    @property
    def today(self) -> tuple[ArmUsers, ...]:
        """The users on the day of the evidence."""
        return tuple(row for row in self.users if row.day == self.day)

    @property
    def period(self) -> int | None:
        """The weight period whose users decide: the last one that has begun."""
        return max((row.weight_period for row in self.today), default=None)

    @property
    def period_day(self) -> date | None:
        """The first day of that period."""
        period = self.period
        days = (row.day for row in self.users if row.weight_period == period)
        return min(days, default=None)

    @property
    def weights(self) -> dict[str, float]:
        """The share of users that each arm was to have in that period."""
        period = self.period
        return {
            row.variation: row.expected_weight for row in self.today if row.weight_period == period
        }

    @property
    def arms(self) -> tuple[str, ...]:
        """Every arm, planned or not, control first and the others by name."""
        named = {row.variation for row in self.today}
        named |= {arm for by_arm in self.moments.values() for arm in by_arm}
        return tuple(sorted(named, key=lambda arm: (arm != self.plan.control, arm)))

    @property
    def treatments(self) -> tuple[str, ...]:
        """The arms that are compared with control: those with a weight in the deciding period."""
        weights = self.weights
        return tuple(arm for arm in self.arms if arm != self.plan.control and weights.get(arm))

    def whole(self, metric: str) -> ByArm:
        """The moments of all users by arm; empty where the metric is not measured."""
        return self.moments.get(Cell(metric, ALL, ALL), {})

    def deciding(self, metric: str, *, at_horizon: bool = False) -> ByArm:
        """The moments by arm of the users who decide: those of the last weight period."""
        source = self.horizon if at_horizon and self.horizon is not None else self.moments
        return source.get(Cell(metric, PERIOD, str(self.period)), {})

    def segments(self, metric: str, segment_type: str) -> dict[str, ByArm]:
        """The moments by segment of one type, then by arm; segments by name."""
        cells = {
            cell.segment: by_arm
            for cell, by_arm in self.moments.items()
            if cell.metric == metric and cell.segment_type == segment_type
        }
        return dict(sorted(cells.items()))

    def segment_types(self, metric: str) -> tuple[str, ...]:
        """The types of segments that the metric has: cuts, hence neither `all` nor periods."""
        types = {cell.segment_type for cell in self.moments if cell.metric == metric}
        return tuple(sorted(types - {ALL, PERIOD}))

    def periods(self, counted: Counted) -> list[Period]:
        """Users and weight by arm for each weight period, as `srm.srm` takes them."""
        periods: dict[int, dict[str, tuple[int, float]]] = {}
        for row in sorted(self.today, key=lambda row: (row.weight_period, row.variation)):
            users = row.assigned_users if counted == "assigned" else row.exposed_users
            by_arm = periods.setdefault(row.weight_period, {})
            by_arm[row.variation] = (users, row.expected_weight)
        return list(periods.values())

    def exposed_by_day(self) -> dict[date, int]:
        """Exposed users of the deciding weight period, all arms, by day."""
        period = self.period
        days: dict[date, int] = {}
        for row in self.users:
            if row.weight_period == period:
                days[row.day] = days.get(row.day, 0) + row.exposed_users
        return dict(sorted(days.items()))


_SUMS = tuple(field.name for field in fields(Moments) if field.name != "users")

# What to ask each mart for.
PLAN_COLUMNS = tuple(field.name for field in fields(Plan) if field.name != "metrics")
METRIC_COLUMNS = tuple(field.name for field in fields(PlanMetric))
USERS_COLUMNS = tuple(field.name for field in fields(ArmUsers))
HEALTH_COLUMNS = tuple(field.name for field in fields(Health))
MOMENTS_COLUMNS = ("metric", "segment_type", "segment", "variation", "users", *_SUMS)


def plan_of(row: Row, metrics: Iterable[Row]) -> Plan:
    """A row of `experiment_plans` and those of `experiment_plan_metrics`."""
    values = {name: row[name] for name in PLAN_COLUMNS}
    values |= {name: int(row[name] or 0) for name in ("arms", "weight_periods")}
    return Plan(**values, metrics=tuple(sorted(map(_metric, metrics), key=lambda m: m.metric)))


def moments_of(rows: Iterable[Row]) -> dict[Cell, dict[str, Moments]]:
    """The rows of `experiment_moments_daily` of one experiment and day."""
    found: dict[Cell, dict[str, Moments]] = {}
    for row in rows:
        cell = Cell(row["metric"], row["segment_type"], row["segment"])
        sums = {name: _exact(row[name]) for name in _SUMS}
        found.setdefault(cell, {})[row["variation"]] = Moments.of(int(row["users"]), sums)
    return found


def users_of(rows: Iterable[Row]) -> tuple[ArmUsers, ...]:
    """The rows of `experiment_srm_daily` of one experiment."""
    listed = [
        ArmUsers(
            day=row["day"],
            variation=row["variation"],
            weight_period=int(row["weight_period"]),
            assigned_users=int(row["assigned_users"]),
            exposed_users=int(row["exposed_users"]),
            expected_weight=float(row["expected_weight"] or 0),
            expected_users=float(row["expected_users"] or 0),
            mixed_users=int(row["mixed_users"]),
        )
        for row in rows
    ]
    return tuple(sorted(listed, key=lambda row: (row.day, row.weight_period, row.variation)))


def health_of(rows: Sequence[Row]) -> Health | None:
    """The row of `experiment_health_daily` of one experiment and day, if there is one."""
    if not rows:
        return None
    row = rows[0]
    counts = (name for name in HEALTH_COLUMNS if name != "day")
    return Health(day=row["day"], **{name: int(row[name] or 0) for name in counts})


def _metric(row: Row) -> PlanMetric:
    values = {name: row[name] for name in METRIC_COLUMNS}
    values["is_measured"] = bool(row["is_measured"])
    values["scale"] = 1.0 if row["scale"] is None else float(row["scale"])
    return PlanMetric(**values)


def _exact(value: Any) -> Fraction:
    """A decimal of the mart; where it came as a float, its shortest digits are the mart's own."""
    return Fraction(repr(value)) if isinstance(value, float) else Fraction(value or 0)
