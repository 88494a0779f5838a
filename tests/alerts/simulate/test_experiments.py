"""Who is in which arm, since when and what is wrong with it: in the files as the truth says."""

import datetime as dt
import json
from itertools import combinations, pairwise
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from alerts.simulate import Options, assignments, simulate
from alerts.simulate.experiments import (
    EXPERIMENTS,
    MOST_LOST,
    RUNNING,
    SRM_USERS,
    SRM_Z,
    lossy_redirect,
)
from alerts.simulate.tables import experiment_assignments

from .conftest import METRICS, Written, lines_of


def split_z(counts: list[int], weights: list[float]) -> float:
    """How many standard errors the first count lies from its weight."""
    total, weight = sum(counts), weights[0] / sum(weights)
    return (counts[0] / total - weight) / sqrt(weight * (1 - weight) / total)


def test_the_raw_table_has_the_versions_of_the_truth(demo: Written) -> None:
    rows = [json.loads(line) for line in lines_of(demo.directory, "experiments")]
    versions = [(one, period) for one in demo.truth["experiments"] for period in one["periods"]]
    last = rows.pop(next(place for place, row in enumerate(rows) if row["status"] == "completed"))
    assert len(rows) == len(versions) == 11
    for row, (told, period) in zip(rows, versions, strict=True):
        weights = {arm["key"]: arm["weight"] for arm in row["variations"]}
        assert row["experiment_key"] == told["experiment_key"]
        assert (row["status"] == "draft") == (told["status"] == "draft")
        assert row["ended_at"] == told["ended_at"]
        assert weights == period["weights"]
        assert sum(weights.values()) == pytest.approx(1, abs=1e-12)
        assert [arm["key"] for arm in row["variations"] if arm["is_control"]] == [told["control"]]
        assert row["config"]["source"] == told["source"]
        assert row["config"]["surfaces"] == told["surfaces"]
        assert period["starts_at"] in (None, row["updated_at"])
        assert set(told["true_relative_effects"]) | {told["control"]} == set(weights)
        assert all(set(one) <= METRICS for one in told["true_relative_effects"].values())
        assert told["recommendation"] in {"ship", "roll back", "keep running", "invalid", None}
    newest = {row["experiment_key"]: row["started_at"] for row in rows}
    assert newest == {one["experiment_key"]: one["started_at"] for one in demo.truth["experiments"]}
    (ended,) = [one for one in demo.truth["experiments"] if one["status"] == "completed"]
    assert last["experiment_key"] == ended["experiment_key"]
    assert last["updated_at"] == last["ended_at"] == ended["ended_at"] < demo.truth["data_until"]
    guarded = {row["experiment_key"]: row["config"].get("guardrails") for row in rows}
    assert guarded["deep_ranker_v1"] == [
        {"name": "slow_response_rate", "direction": "lower_is_better", "threshold": "+5%"}
    ]


def test_every_kind_of_defect_is_planted_once(demo: Written) -> None:
    kinds = [one["wrong"]["kind"] for one in demo.truth["experiments"] if one["wrong"]]
    planted = {"srm", "mixed_users", "guardrail", "idle_arm", "ramp", "restart"}
    assert (len(kinds), set(kinds)) == (6, planted)


def test_who_was_logged_is_counted_exactly(shop: Written) -> None:
    for told in shop.truth["experiments"]:
        key, runs = told["experiment_key"], []
        for period in told["periods"]:
            if not runs or period["restarts"]:
                runs.append([])
            runs[-1].append(period)
        for run in runs:
            stop = runs[-1] is not run and run[-1]["ends_at"]
            within = f"assigned_at >= '{run[0]['starts_at']}'" if run[0]["starts_at"] else "true"
            within += f" and assigned_at < '{stop}'" if stop else ""
            rows = shop.rows(
                f"select user_id, variation, assigned_at from assigned "
                f"where experiment_key = '{key}' and {within} order by assigned_at"
            )
            first: dict[str, tuple[str, dt.datetime]] = {}
            mixed: dict[str, int] = {}
            for user, variation, at in rows:
                if user in first:
                    mixed[first[user][0]] = mixed.get(first[user][0], 0) + 1
                    assert variation != first[user][0]
                first.setdefault(user, (variation, at))
            for period in run:
                counts = dict.fromkeys(period["weights"], 0)
                for variation, at in first.values():
                    begins = period["starts_at"]
                    ends = period["ends_at"] or shop.truth["data_until"]
                    counts[variation] += (
                        dt.datetime.fromisoformat(begins) <= at < dt.datetime.fromisoformat(ends)
                    )
                assert counts == period["assigned_users"], key
            assert mixed == (told["mixed_users"] if run is runs[-1] else {}), key
        # Also through a ramp users keep their arm.
        assert bool(told["mixed_users"]) == (key == "history_layout_v1")


def test_weights_hold_in_every_period_where_nothing_is_wrong_with_them(shop: Written) -> None:
    compared = 0
    for told in shop.truth["experiments"]:
        kind = told["wrong"] and told["wrong"]["kind"]
        if told["status"] == "draft" or kind in ("srm", "idle_arm"):
            continue
        for period in told["periods"]:
            compared += 1
            counts = list(period["assigned_users"].values())
            assert abs(split_z(counts, list(period["weights"].values()))) < 3.3, told
    assert compared == 8


def test_arms_of_different_experiments_are_independent(shop: Written) -> None:
    arms: dict[str, dict[str, int]] = {}
    for key, user, variation in shop.rows(
        "select experiment_key, user_id, arg_max(variation, assigned_at) from assigned group by all"
    ):
        arms.setdefault(key, {})[user] = variation == shop.experiment(key)["control"]
    assert len(arms) == len(RUNNING) == 8
    for one, other in combinations(arms.values(), 2):
        both = one.keys() & other.keys()
        pairs = np.array([(one[user], other[user]) for user in both], dtype=float)
        assert abs(np.corrcoef(pairs.T)[0, 1]) < 4 / sqrt(len(both))


def test_the_lossy_redirect_is_as_many_errors_out_as_the_truth_says(shop: Written) -> None:
    told = shop.experiment("landing_redirect_v1")
    control, treatment = told["periods"][0]["assigned_users"].values()
    share = told["wrong"]["size"]["logged_shares"]["control"]
    assert abs(split_z([control, treatment], [share, 1 - share])) < 3
    found = split_z([control, treatment], [0.5, 0.5])
    assert SRM_Z - 2 < found < SRM_Z + 2
    # Lost users go on visiting the surface, and no row of theirs names the experiment.
    lost = (
        "select count(*), count(distinct user_id), count(experiment_key) from impressions "
        "where surface = 'recently_viewed' and created_at >= '{}' and user_id not in "
        "(select user_id from assigned where experiment_key = 'landing_redirect_v1')"
    )
    ((rows, users, naming),) = shop.rows(lost.format(told["started_at"]))
    assert users == pytest.approx(control - treatment, abs=120)
    assert rows > 5 * users
    assert naming == 0


@pytest.mark.parametrize("users", [1_000, 3_000, 50_000, SRM_USERS])
def test_the_loss_keeps_the_mismatch_as_visible_in_smaller_shops(users: int) -> None:
    lost = lossy_redirect(users)
    logged = users * (1 - lost / 2)
    assert (1 / (2 - lost) - 0.5) / (0.5 / sqrt(logged)) == pytest.approx(SRM_Z, rel=0.01)


def test_the_loss_has_bounds() -> None:
    assert lossy_redirect(10_000_000) == pytest.approx(0.0198, abs=1e-4)
    assert lossy_redirect(SRM_USERS) == pytest.approx(0.0198, abs=2e-4)
    assert lossy_redirect(1) == MOST_LOST


def test_mixed_users_are_in_the_other_arm_days_later(shop: Written) -> None:
    told = shop.experiment("history_layout_v1")
    delays = [
        days
        for (days,) in shop.rows(
            "select date_diff('hour', min(assigned_at), max(assigned_at)) / 24 from assigned "
            "where experiment_key = 'history_layout_v1' group by user_id having count(*) = 2"
        )
    ]
    mixed = sum(told["mixed_users"].values())
    users = sum(told["periods"][0]["assigned_users"].values())
    assert len(delays) == mixed
    assert 0.07 < mixed / users < told["wrong"]["size"]["reset_share"] + 0.01
    assert np.median(delays) > 5
    ((first,),) = shop.rows(
        "select min(second) from (select max(assigned_at) as second from assigned where "
        "experiment_key = 'history_layout_v1' group by user_id having count(*) = 2)"
    )
    since = dt.datetime.fromisoformat(told["wrong"]["since"])
    assert since <= first < since + dt.timedelta(days=1)


def test_an_arm_of_three_is_idle(shop: Written) -> None:
    told = shop.experiment("feed_cards_v1")
    counts = told["periods"][0]["assigned_users"]
    assert set(told["periods"][0]["weights"].values()) == {1 / 3}
    assert counts["wide"] == 0
    assert abs(split_z([counts["control"], counts["compact"]], [1, 1])) < 3
    assert min(counts["control"], counts["compact"]) > 900


def test_a_restart_places_users_anew(shop: Written) -> None:
    told = shop.experiment("feed_order_v1")
    first, second = told["periods"]
    assert second["restarts"]
    assert told["started_at"] == second["starts_at"] == told["wrong"]["since"]
    ((both, moved),) = shop.rows(
        f"""
        select count(*), count_if(old.variation <> new.variation)
        from assigned as old join assigned as new using (experiment_key, user_id)
        where experiment_key = 'feed_order_v1' and old.assigned_at < '{second["starts_at"]}'
              and new.assigned_at >= '{second["starts_at"]}'
        """
    )
    assert both > 0.8 * sum(first["assigned_users"].values())
    assert abs(moved / both - 0.5) < 4 * 0.5 / sqrt(both)


def test_an_experiment_more_changes_no_other_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(users=60, days=30)
    simulate(tmp_path / "with", options)
    left = tuple(one for one in RUNNING if one.key not in ("feed_cards_v1", "deep_ranker_v1"))
    for module in (assignments, experiment_assignments):
        monkeypatch.setattr(module, "RUNNING", left)
    simulate(tmp_path / "without", options)
    for table in ("personalization_metrics", "sessions", "user_interactions"):
        assert lines_of(tmp_path / "with", table) == lines_of(tmp_path / "without", table)
    fewer = lines_of(tmp_path / "without", "experiment_assignments")
    more = lines_of(tmp_path / "with", "experiment_assignments")
    assert fewer == [line for line in more if b"feed_cards" not in line and b"deep_" not in line]
    for one, other in zip(
        *(lines_of(tmp_path / name, "decision_traces") for name in ("with", "without")), strict=True
    ):
        rows = [json.loads(line) for line in (one, other)]
        for row in rows:
            del row["payload"]["latency_ms"]
        assert rows[0] == rows[1]


@pytest.mark.parametrize("days", [1, 10, 20, 27, 33, 56, 90])
def test_short_ranges_hold_what_fits(days: int) -> None:
    for experiment in EXPERIMENTS:
        begun = [day for day, _ in experiment.periods_within(days)]
        assert all(0 <= day < days for day in begun)
        assert all(one < other for one, other in pairwise(begun))
        assert (experiment.first_day is None) <= (begun == [])
    kept = [one.key for one in RUNNING if one.is_planned(days)]
    assert len(kept) == (8 if days > 25 else 7)
