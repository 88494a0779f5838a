"""The experiments' true effects are in the files: found by comparing users as they were assigned.

Ratios are compared at the level of users, by the delta method.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
import pytest

from alerts.simulate.experiment_truth import slow_rate
from alerts.simulate.trace_incidents import SLOW_SHARE

from .conftest import METRICS, Written

WITHOUT_EFFECT = (
    *("ranker_aa", "landing_redirect_v1", "history_layout_v1", "feed_cards_v1", "feed_order_v1"),
)

# Users in one arm only, with that arm, as logged since the newest start.
MEMBERS = """
    select user_id, min(variation) as variation, min(assigned_at) as assigned_at
    from assigned where experiment_key = '{key}' and assigned_at >= '{start}'
    group by user_id having count(*) = 1
"""


class Lift(NamedTuple):
    """A relative effect and its standard error."""

    value: float
    error: float

    @property
    def z(self) -> float:
        return self.value / self.error


def lift(shop: Written, key: str, table: str, ratio: tuple[str, str], where: str = "true") -> Lift:
    """Treatment against control: a ratio of two sums per user, of rows since the assignment."""
    told = shop.experiment(key)
    treatment = next(iter(told["true_relative_effects"]))
    surfaces = ", ".join(f"'{name}'" for name in told["surfaces"])
    members = MEMBERS.format(key=key, start=told["started_at"])
    sums: dict[str, list[tuple[float, float]]] = {told["control"]: [], treatment: []}
    for variation, top, below in shop.rows(
        f"""
        select m.variation, sum({ratio[0]}), sum({ratio[1]})
        from ({members}) as m join {table} as r using (user_id)
        where r.created_at >= assigned_at and coalesce(surface, 'cart') in ({surfaces}) and {where}
        group by m.variation, user_id
        """
    ):
        sums[variation].append((float(top), float(below)))
    (low, low_variance), (high, high_variance) = (moments(np.array(one)) for one in sums.values())
    error = high / low * sqrt(low_variance / low**2 + high_variance / high**2)
    return Lift(high / low - 1, error)


def moments(users: np.ndarray) -> tuple[float, float]:
    """The ratio of the sums of two columns, and its variance."""
    top, below = users.T
    ratio = top.sum() / below.sum()
    residual = (top - ratio * below) / below.mean()
    return float(ratio), float(residual.var(ddof=1) / len(users))


def app_ctr(shop: Written, key: str, where: str = "true") -> Lift:
    return lift(shop, key, "impressions", ("cast(click_through as int)", "1"), where)


def shop_ctr(shop: Written, key: str, numerator: str = "click") -> Lift:
    ratio = tuple(f"cast(event_name = '{name}' as int)" for name in (numerator, "impression"))
    return lift(shop, key, "events", (ratio[0], ratio[1]))


@pytest.mark.parametrize("key", WITHOUT_EFFECT)
def test_arms_without_an_effect_differ_by_noise(shop: Written, key: str) -> None:
    effects = shop.experiment(key)["true_relative_effects"].values()
    assert {value for one in effects for value in one.values()} == {0.0}
    assert all(set(one) == METRICS for one in effects)
    assert abs(app_ctr(shop, key).z) < 3


@pytest.mark.parametrize("key", ["blend_weights_v2", "deep_ranker_v1"])
@pytest.mark.parametrize(
    ("metric", "event"), [("ctr", "click"), ("add_to_cart_rate", "add_to_cart")]
)
def test_a_true_lift_is_found_within_its_error(
    shop: Written, key: str, metric: str, event: str
) -> None:
    [(_, effects)] = shop.experiment(key)["true_relative_effects"].items()
    found = shop_ctr(shop, key, event)
    assert abs(found.value - effects[metric]) < 3 * found.error
    # Clicks are enough to decide; adds are a quarter of them.
    assert found.z > (2.6 if metric == "ctr" else 0), found


def test_revenue_follows_the_lift(shop: Written) -> None:
    told = shop.experiment("blend_weights_v2")["true_relative_effects"]["challenger_a"]
    ratio = ("coalesce(revenue, 0)", "cast(event_name = 'impression' as int)")
    found = lift(shop, "blend_weights_v2", "events", ratio)
    assert told["rpm"] == told["revenue_per_user"] == told["ctr"] > 0
    assert abs(found.value - told["rpm"]) < 3 * found.error
    assert found.error < 0.1


def test_traces_and_events_name_the_arm_of_their_user(shop: Written) -> None:
    ((named, unassigned, others, keys),) = shop.rows(
        """
        select count(*), count_if(a.user_id is null), count_if(a.variation <> s.variation),
               list(distinct s.experiment_key)
        from served as s asof left join assigned as a
             on a.experiment_key = s.experiment_key and a.user_id = s.user_id
                and a.assigned_at <= s.created_at
        where s.experiment_key is not null
        """
    )
    assert (unassigned, others, keys) == (0, 0, ["blend_weights_v2"])
    start = shop.experiment("blend_weights_v2")["started_at"]
    # A visit from before the start may ask for more after it.
    ((early, late, unnamed),) = shop.rows(
        f"""
        select count_if(experiment_key is not null and created_at < '{start}'),
               count_if(created_at >= '{start}'),
               count_if(experiment_key is null and created_at >= '{start}')
        from served
        """
    )
    assert (early, late - unnamed) == (0, named)
    assert unnamed < 50
    ((events, different),) = shop.rows(
        "select count(*), count_if(e.variant is distinct from s.variation) "
        "from events as e join served as s using (trace_id)"
    )
    assert (events, different) == (shop.truth["rows"]["shop_events"]["lines"], 0)


def test_the_guardrail_worsens_while_clicks_rise(shop: Written) -> None:
    effects = shop.experiment("deep_ranker_v1")["true_relative_effects"]["treatment"]
    ratio = ("cast(latency_ms > 200 as int)", "1")
    found = lift(shop, "deep_ranker_v1", "served", ratio)
    assert abs(found.value - effects["slow_response_rate"]) < 3 * found.error
    assert found.z > 10
    ((usual,),) = shop.rows(
        "select avg(cast(latency_ms > 200 as int)) from served "
        f"where created_at < '{shop.experiment('deep_ranker_v1')['started_at']}'"
    )
    assert usual == pytest.approx(slow_rate(SLOW_SHARE), rel=0.1)
    assert abs(lift(shop, "blend_weights_v2", "served", ratio).z) < 3


def test_a_ramp_misleads_unless_users_from_before_are_left_out(shop: Written) -> None:
    told = shop.experiment("cart_upsell_v2")
    before, after = told["periods"]
    assert told["wrong"]["size"]["under"] == ["cart-ctr-drift"]
    users = before["assigned_users"]
    assert abs(users["treatment"] / sum(users.values()) - 0.01) < 3 * sqrt(
        0.01 * 0.99 / sum(users.values())
    )
    assert sum(users.values()) > 500
    drift = shop.incident("cart-ctr-drift")
    begins, changes = before["starts_at"][:10], after["starts_at"][:10]
    assert begins == drift["first_day"] < changes < drift["last_day"] < told["ended_at"][:10]
    during = f"r.created_at < '{told['ended_at']}'"
    plain = app_ctr(shop, "cart_upsell_v2", during)
    sound = app_ctr(shop, "cart_upsell_v2", f"{during} and assigned_at >= '{after['starts_at']}'")
    assert plain.z < -2.5, plain
    assert abs(sound.z) < 2, sound
