"""The shop's experiments as data: arms with their true effects, weights, and what goes wrong.

Each has one thing to find out about it. Who is in which arm is decided in `assignments`, what
`truth.json` says of them in `experiment_truth`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Source = Literal["personalization_metrics", "shop_events"]
Recommendation = Literal["ship", "roll back", "keep running", "invalid"]

MIN_DURATION_DAYS = 14

# A split of 50.5 to 49.5 is as many standard errors out as this at 320,000 users, where a test at
# p < 0.001 all but certainly finds it.
SRM_SPLIT = 0.505
SRM_USERS = 320_000
SRM_Z = (2 * SRM_SPLIT - 1) * sqrt(SRM_USERS)
MOST_LOST = 0.9


def nobody(_users: int) -> float:
    """No user of the arm is lost."""
    return 0.0


def everybody(_users: int) -> float:
    """All users of the arm are lost: it has a weight and no traffic."""
    return 1.0


def lossy_redirect(users: int) -> float:
    """The share of an arm's users to lose, so that the split is `SRM_Z` standard errors out.

    Never less than leads to `SRM_SPLIT`, 0.0198. In a shop of a few dozen users even the most that
    may be lost does not reach that far.

    Args:
        users: Users of the shop; all but a few of them are logged unless they are lost.
    """
    # Logged are users / (1 + r), where r = lost / (2 - lost) is how far the shares lie apart.
    a = SRM_Z**2 / users
    apart = max((a + sqrt(a * a + 4 * a)) / 2, 2 * SRM_SPLIT - 1)
    return min(2 * apart / (1 + apart), MOST_LOST)


@dataclass(frozen=True, slots=True)
class Arm:
    """A variation.

    Attributes:
        key: Its name.
        is_control: Whether others are compared with it.
        ctr_factor: True factor on the click probability against control.
        slow_factor: True factor on the probability that a response is a slow one.
        lost_share: Share of its users, given those of the shop, who are never logged as members.
    """

    key: str
    is_control: bool = False
    ctr_factor: float = 1.0
    slow_factor: float = 1.0
    lost_share: Callable[[int], float] = nobody


@dataclass(frozen=True, slots=True)
class Period:
    """Weights, one per arm, in force from so many days after the start until the next period.

    Attributes:
        after: Days after the first start.
        weights: Share of users by arm.
        restarts: Whether the experiment begins anew: who was logged before is placed by another
            hash and logged again. Otherwise who was logged stays in his arm.
    """

    after: int
    weights: tuple[float, ...]
    restarts: bool = False


EVEN = (Period(0, (0.5, 0.5)),)


@dataclass(frozen=True, slots=True)
class Defect:
    """What is wrong with an experiment, or makes the plain comparison of its arms misleading.

    Attributes:
        kind: Its name in `truth.json`.
        sentence: What a person should know about it.
        since: Period with which it begins.
    """

    kind: str
    sentence: str
    since: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An experiment.

    Attributes:
        key: Experiment key.
        name: For people.
        owner: Team.
        surfaces: Where it shows.
        arms: Its variations.
        first_day: Day number of the start, a negative one counted from the end; None for a draft.
        recommendation: What a sound analysis comes to at the end of the data, `keep running` where
            it can say neither that an arm is better nor that it is worse; None for a draft.
        source: Whose impressions and events it is judged by.
        periods: The weights, and when they changed.
        runs_days: Days after which it ends, as planned from the start; None for one without an end.
        carried: Whether rows on its surfaces name it; a row can name only one experiment.
        entry_days: Users enter on days spread evenly over so many; 0 for all at once.
        reset_share: Share of users who lose their cookie some days after the start, and are from
            then on in the other of two arms.
        guardrails: As in the config.
        defect: What is wrong with it.
    """

    key: str
    name: str
    owner: str
    surfaces: tuple[str, ...]
    arms: tuple[Arm, ...]
    first_day: int | None
    recommendation: Recommendation | None
    source: Source = "personalization_metrics"
    periods: tuple[Period, ...] = EVEN
    runs_days: int | None = None
    carried: bool = False
    entry_days: int = 0
    reset_share: float = 0.0
    guardrails: tuple[dict[str, Any], ...] = ()
    defect: Defect | None = None

    def start_day(self, days: int) -> int | None:
        """Day number of the first start; None for a draft, or if that comes after the end.

        One counted from the end starts on the first day where the range is too short for it.
        """
        if self.first_day is None:
            return None
        day = self.first_day if self.first_day >= 0 else max(0, days + self.first_day)
        return day if day < days else None

    def end_day(self, days: int) -> int | None:
        """Day number on which it is over, perhaps after the range; None where no end is planned."""
        start = self.start_day(days)
        return None if start is None or self.runs_days is None else start + self.runs_days

    def has_ended(self, days: int) -> bool:
        """Whether it is over within the range."""
        end = self.end_day(days)
        return end is not None and end < days

    def periods_within(self, days: int) -> list[tuple[int, Period]]:
        """The periods that begin within the range, and the day numbers on which they do."""
        start = self.start_day(days)
        if start is None:
            return []
        begun = [(start + period.after, period) for period in self.periods]
        return [(day, period) for day, period in begun if day < days]

    def is_planned(self, days: int) -> bool:
        """Whether a shop of so many days has it, if only as a draft."""
        return self.first_day is None or self.start_day(days) is not None


def _treated(**effects: Any) -> tuple[Arm, Arm]:
    """A control and a treatment."""
    return Arm("control", is_control=True), Arm("treatment", **effects)


EXPERIMENTS = (
    # Within the days that are traced, with a week of them before it, as what users did before
    # makes the estimate sharper. The lift is one that 3,000 users suffice to tell from none:
    # its standard error there is about 2.6 %.
    Experiment(
        key="blend_weights_v2",
        name="Blend weights v2",
        owner="relevance",
        source="shop_events",
        surfaces=("home", "pdp", "cart"),
        arms=(Arm("baseline", is_control=True), Arm("challenger_a", ctr_factor=1.12)),
        first_day=-17,
        carried=True,
        guardrails=(
            {"name": "out_of_stock_rate", "direction": "lower_is_better", "threshold": "+10%"},
        ),
        recommendation="ship",
    ),
    Experiment(
        key="ranker_aa",
        name="Ranker A/A",
        owner="ranking",
        surfaces=("for_you",),
        arms=_treated(),
        first_day=-42,
        carried=True,
        recommendation="keep running",
    ),
    Experiment(
        key="landing_redirect_v1",
        name="Landing page by redirect",
        owner="growth",
        surfaces=("recently_viewed",),
        arms=_treated(lost_share=lossy_redirect),
        first_day=-28,
        carried=True,
        defect=Defect(
            "srm",
            "The redirect to the treatment loses a part of its users before they are logged: a "
            "mismatch of the sample ratio, whatever the metrics say.",
        ),
        recommendation="invalid",
    ),
    Experiment(
        key="history_layout_v1",
        name="Layout of the visit history",
        owner="growth",
        surfaces=("visit_history",),
        arms=_treated(),
        first_day=-28,
        carried=True,
        reset_share=0.12,
        defect=Defect(
            "mixed_users",
            "Some users lose their cookie days after they were logged, and are logged a second "
            "time in the other arm, which they see from then on.",
        ),
        recommendation="invalid",
    ),
    Experiment(
        key="deep_ranker_v1",
        name="Deep ranker",
        owner="ranking",
        source="shop_events",
        surfaces=("home", "pdp", "cart"),
        arms=_treated(ctr_factor=1.10, slow_factor=3.0),
        first_day=-16,
        guardrails=(
            {"name": "slow_response_rate", "direction": "lower_is_better", "threshold": "+5%"},
        ),
        defect=Defect(
            "guardrail",
            "The treatment's responses are slow about three times as often: it is clicked more, "
            "and fails its guardrail.",
        ),
        recommendation="roll back",
    ),
    Experiment(
        key="feed_cards_v1",
        name="Cards of the feed",
        owner="growth",
        surfaces=("for_you",),
        arms=(Arm("control", is_control=True), Arm("compact"), Arm("wide", lost_share=everybody)),
        first_day=-28,
        periods=(Period(0, (1 / 3, 1 / 3, 1 / 3)),),
        defect=Defect(
            "idle_arm",
            "The arm `wide` was never switched on: its users stay outside the experiment and are "
            "not logged.",
        ),
        recommendation="invalid",
    ),
    # On cart just while its CTR falls, see `cart-ctr-drift` in `scenarios`: whoever entered early
    # is nearly always in control, and saw the better days. In a shop of 3,000 users the false
    # effect is three standard errors; the key is one that places them without much luck beside it.
    Experiment(
        key="cart_upsell_v2",
        name="Upsell in the cart",
        owner="growth",
        surfaces=("cart",),
        arms=_treated(),
        first_day=25,
        periods=(Period(0, (0.99, 0.01)), Period(10, (0.5, 0.5))),
        runs_days=24,
        entry_days=20,
        defect=Defect(
            "ramp",
            "Ramped from 1 % to 50 % after ten days. Users keep their arm, so the plain "
            "comparison sets early members of control against later ones of both arms: where "
            "the CTR changes meanwhile, it finds an effect that is not there.",
            since=1,
        ),
        recommendation="keep running",
    ),
    Experiment(
        key="feed_order_v1",
        name="Order of the feed",
        owner="ranking",
        surfaces=("for_you",),
        arms=_treated(),
        first_day=-35,
        periods=(Period(0, (0.9, 0.1)), Period(14, (0.5, 0.5), restarts=True)),
        defect=Defect(
            "restart",
            "Restarted after two weeks with other weights and users placed anew: what was logged "
            "before the newer start counts for nothing, or half the users seem to be mixed.",
            since=1,
        ),
        recommendation="keep running",
    ),
    Experiment(
        key="diversity_rerank_v1",
        name="Diversity rerank",
        owner="relevance",
        surfaces=("for_you", "home"),
        arms=(Arm("control", is_control=True), Arm("diverse")),
        first_day=None,
        recommendation=None,
    ),
)
RUNNING = tuple(experiment for experiment in EXPERIMENTS if experiment.first_day is not None)
