"""The marts of experiments as rules see them."""

from __future__ import annotations

from alerts.rules.shapes import DAY, HOUR, Judgement, Mart, Sums, count

_LOGGED = {
    "impressions": count("impressions"),
    "clicks": count("clicks"),
    "ctr": Sums("clicks", "impressions"),
    "adds": count("adds"),
    "add_to_cart_rate": Sums("adds", "impressions"),
    # How far revenue scatters cannot be told from its sum.
    "revenue_per_impression": Sums("revenue", "impressions", "number", counts_events=False),
}

_EVENTS = ("personalization_metrics", "shop_events", "decision_traces")
_USERS = (*_EVENTS, "experiments", "experiment_assignments")
_ALL = (*_USERS, "sessions", "user_interactions")

SRM_MART = "experiments.experiment_srm_daily"
MOMENTS_MART = "experiments.experiment_moments_daily"

EXPERIMENT_MARTS: dict[str, Mart] = {
    "experiments.experiment_hourly": Mart(
        time="hour",
        bucket=HOUR,
        labels=("experiment_key", "variation", "surface"),
        sources=_USERS,
        metrics=_LOGGED,
        of_experiments=True,
    ),
    "experiments.blend_weights_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("experiment_key", "variation", "namespace", "surface", "user_type", "device"),
        sources=_USERS,
        metrics={
            **_LOGGED,
            "requests": count("requests"),
            "served_items": count("served_items"),
            "personalized_share": Sums("personalized_items", "served_items"),
            "out_of_stock_rate": Sums("unavailable_items", "served_items"),
        },
        of_experiments=True,
    ),
    "experiments.experiment_health_daily": Mart(
        time="day",
        bucket=DAY,
        labels=("experiment_key",),
        sources=_ALL,
        metrics={
            "assigned_users": count("assigned_users"),
            "exposed_users": count("exposed_users"),
            "exposed_without_assignment": count("exposed_without_assignment"),
            "mixed_users": count("mixed_users"),
            "exposed_to_other_variation": count("exposed_to_other_variation"),
            "exposed_without_assignment_share": Sums("exposed_without_assignment", "seen_users"),
            "mixed_users_share": Sums("mixed_users", "placed_users"),
            "exposed_to_other_variation_share": Sums("exposed_to_other_variation", "exposed_users"),
        },
        # A user counts in each experiment he is in.
        fixed=("experiment_key",),
        # Users who saw the experiment, assigned or not; users with one arm, or with several.
        totals={
            "seen_users": ("exposed_users", "exposed_without_assignment"),
            "placed_users": ("assigned_users", "mixed_users"),
        },
        of_experiments=True,
    ),
    SRM_MART: Mart(
        time="day",
        bucket=DAY,
        labels=("experiment_key",),
        sources=_ALL,
        metrics={"srm_p_value": Judgement("srm", ("expected_weight",))},
        of_experiments=True,
    ),
    MOMENTS_MART: Mart(
        time="day",
        bucket=DAY,
        labels=("experiment_key", "guardrail", "variation"),
        sources=_ALL,
        metrics={
            "excess": Judgement(
                "guardrail", ("users", "sum_m", "sum_d", "sum_mm", "sum_dd", "sum_md")
            )
        },
        of_experiments=True,
    ),
}
