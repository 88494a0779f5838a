"""The shop behaves like one: users differ, are consistent, and experiments do what is said."""

import csv
import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest

from alerts.simulate import assignments
from alerts.simulate.assignments import Assignments, arm_of
from alerts.simulate.experiments import EXPERIMENTS, RUNNING
from alerts.simulate.incidents import effects
from alerts.simulate.options import Options
from alerts.simulate.visits import Impressions, Shop, draw_impressions, draw_visits
from alerts.simulate.world import STREAM_VISITS, SURFACES, make_world, stream, user_id

from .conftest import Written


def test_surfaces_are_those_of_the_seed() -> None:
    seed = Path(__file__).parents[3] / "seeds" / "surfaces.csv"
    with seed.open(newline="", encoding="utf-8") as lines:
        known = {row["surface"]: float(row["min_ctr"]) for row in csv.DictReader(lines)}
    assert {surface.name for surface in SURFACES} == set(known)
    for surface in SURFACES:
        assert surface.ctr > 2 * known[surface.name]


def test_impressions_of_a_user_are_correlated(calm: Written) -> None:
    users = calm.rows(
        "select count(*), count_if(click_through) from impressions "
        "where surface = 'for_you' group by user_id"
    )
    shown, clicked = np.array(users, dtype=float).T
    ctr = clicked.sum() / shown.sum()
    residual = clicked - ctr * shown
    variance = len(users) / (len(users) - 1) * (residual**2).sum() / shown.sum() ** 2
    design_effect = variance / (ctr * (1 - ctr) / shown.sum())
    assert 1.2 < design_effect < 4


@pytest.mark.parametrize("metric", ["ctr", "clicks"])
def test_what_a_user_did_before_predicts_what_he_does_later(calm: Written, metric: str) -> None:
    figure = {"ctr": "avg(cast(click_through as int))", "clicks": "count_if(click_through)"}[metric]
    middle = "(select min(day) + 28 from impressions)"
    pairs = calm.rows(
        f"""
        select {figure} filter (day < {middle}), {figure} filter (day >= {middle})
        from impressions group by user_id
        having count(*) filter (day < {middle}) >= 50 and count(*) filter (day >= {middle}) >= 50
        """
    )
    assert len(pairs) > 1_000
    before, after = np.array(pairs, dtype=float).T
    assert np.corrcoef(before, after)[0, 1] > 0.3


def test_activity_is_heavy_tailed(calm: Written) -> None:
    counts = np.sort(
        [row[0] for row in calm.rows("select count(*) from impressions group by user_id")]
    )
    top_tenth = counts[-len(counts) // 10 :].sum() / counts.sum()
    assert 0.25 < top_tenth < 0.6


def test_a_better_score_is_clicked_more_often(calm: Written) -> None:
    ((low, high, absent),) = calm.rows(
        """
        with scored as (
            select click_through,
                   cast(metadata ->> 'personalization_score' as double) as score
            from impressions
        )
        select avg(cast(click_through as int)) filter (score < 0.3),
               avg(cast(click_through as int)) filter (score > 0.7),
               count_if(score is null) / count(*)
        from scored
        """
    )
    assert high > 1.3 * low
    assert 0.01 < absent < 0.08


def test_sessions_enclose_their_impressions(calm: Written) -> None:
    ((visits, without, longest, early, late, strangers),) = calm.rows(
        f"""
        with visits as (
            select * from read_json('{calm.directory}/sessions/*.jsonl',
                columns = {{session_id: 'varchar', user_id: 'varchar',
                            started_at: 'timestamptz', ended_at: 'timestamptz'}})
        ),
        shown as (
            select metadata ->> 'session_id' as session_id, min(user_id) as user_id,
                   count(*) as impressions, min(created_at) as first, max(created_at) as last
            from impressions group by all
        )
        select count(*), count_if(impressions is null), max(impressions),
               count_if(first < started_at), count_if(last > ended_at),
               count_if(shown.user_id <> visits.user_id)
        from visits full join shown using (session_id)
        """
    )
    assert visits > 50_000
    # Only what was open when the data ends has lost all its impressions.
    assert without <= 3
    assert longest == 12
    assert (early, late, strangers) == (0, 0, 0)


def test_saves_follow_clicks_within_minutes_to_days(calm: Written) -> None:
    ((saves, unmatched, early, late),) = calm.rows(
        f"""
        with saves as (
            select * from read_json('{calm.directory}/user_interactions/*.jsonl',
                columns = {{user_id: 'varchar', interaction_type: 'varchar',
                            recommendation_id: 'varchar', created_at: 'timestamptz'}})
            where interaction_type = 'save' and recommendation_id is not null
        )
        select count(*), count_if(impressions.id is null or not click_through),
               count_if(saves.created_at < impressions.created_at),
               count_if(saves.created_at > impressions.created_at + interval 168 hours)
        from saves left join impressions using (recommendation_id, user_id)
        """
    )
    assert saves > 5_000
    assert (unmatched, early) == (0, 0)
    assert 0 < late < 0.05 * saves


def test_traffic_has_a_weekday_season_and_every_hour_some(calm: Written) -> None:
    weekdays = dict(
        calm.rows("select isodow(day), count(*) from impressions group by all order by all")
    )
    assert max(weekdays, key=weekdays.__getitem__) in (1, 2, 3)
    assert min(weekdays, key=weekdays.__getitem__) in (5, 6, 7)
    hours = calm.rows("select hour(created_at), count(*) from impressions group by all")
    assert len(hours) == 24


def test_impressions_carry_the_logged_arm_since_the_start(calm: Written) -> None:
    calm.rows(
        f"""
        create or replace temp table assigned as
        select * from read_json('{calm.directory}/experiment_assignments/*.jsonl',
            columns = {{experiment_key: 'varchar', user_id: 'varchar', variation: 'varchar',
                        assigned_at: 'timestamptz'}})
        """
    )
    # Of two arms that a user was logged in it is the later one, from then on.
    ((served, unassigned, other),) = calm.rows(
        """
        select count(*), count_if(a.user_id is null), count_if(a.variation <> i.variation)
        from impressions as i asof left join assigned as a
             on a.experiment_key = i.experiment_key and a.user_id = i.user_id
                and a.assigned_at <= i.created_at
        where i.experiment_key is not null
        """
    )
    assert served > 200_000
    assert (unassigned, other) == (0, 0)
    named = {experiment.key for experiment in RUNNING if experiment.carried}
    starts = {
        entry["experiment_key"]: (entry["first_day"], set(entry["surfaces"]))
        for entry in calm.truth["experiments"]
        if entry["experiment_key"] in named
    }
    assert len(starts) == 4
    for key, (first_day, surfaces) in starts.items():
        ((earliest, seen_on),) = calm.rows(
            "select min(day), list(distinct surface) from impressions "
            f"where experiment_key = '{key}'"
        )
        assert (earliest.isoformat(), set(seen_on)) == (first_day, surfaces)


def test_arms_are_a_hash_of_key_and_user() -> None:
    blend = EXPERIMENTS[0]
    ids = [user_id(number) for number in range(20_000)]
    arms = np.array([arm_of(blend, user) for user in ids])
    assert abs(arms.mean() - 0.5) < 4 * 0.5 / np.sqrt(len(arms))
    digest = hashlib.blake2b(b"blend_weights_v2:u-0000007", digest_size=8).digest()
    assert arms[7] == int(digest[0] >= 128)
    others = np.array([arm_of(EXPERIMENTS[1], user) for user in ids])
    assert abs(np.corrcoef(arms, others)[0, 1]) < 4 / np.sqrt(len(arms))


def clicks_by_arm(monkeypatch: pytest.MonkeyPatch, factor: float) -> np.ndarray:
    """Impressions and clicks per arm of the blend experiment, its challenger having `factor`."""
    blend, *others = RUNNING
    arms = (blend.arms[0], dataclasses.replace(blend.arms[1], ctr_factor=factor))
    changed = (dataclasses.replace(blend, arms=arms), *others)
    monkeypatch.setattr(assignments, "RUNNING", changed)
    options = Options(users=40_000, days=4, scenario="calm")
    shop = Shop(
        make_world(options),
        Assignments(options.users, options.days),
        effects((), options.days),
        np.ones(options.users, dtype=np.bool_),
    )
    counts = np.zeros((2, 2))
    for day in (2, 3):
        rng = stream(options.seed, STREAM_VISITS, day, 0)
        visits = draw_visits(shop, rng, day, range(options.users))
        drawn: Impressions
        _, drawn = draw_impressions(shop, rng, day, visits)
        inside = drawn.experiment == 0
        assert {SURFACES[index].name for index in set(drawn.surface[inside].tolist())} == {
            "home",
            "pdp",
            "cart",
        }
        for arm in (0, 1):
            here = inside & (drawn.arm == arm)
            counts[arm] += here.sum(), drawn.clicked[here].sum()
    return counts


def test_the_true_lift_is_what_the_truth_says(
    monkeypatch: pytest.MonkeyPatch, calm: Written
) -> None:
    told = calm.truth["experiments"][0]["true_relative_effects"]["challenger_a"]["ctr"]
    # The same random numbers with and without the effect: only the effect can differ.
    with_effect = clicks_by_arm(monkeypatch, 1 + told)
    without = clicks_by_arm(monkeypatch, 1.0)
    assert told > 0
    assert (with_effect[0] == without[0]).all()
    assert with_effect[1, 0] == without[1, 0]
    assert with_effect[1, 1] / without[1, 1] - 1 == pytest.approx(told, abs=0.005)
    # And without an effect the arms differ by noise alone.
    shown, clicked = without.T
    rates = clicked / shown
    spread = np.sqrt((rates * (1 - rates) / shown).sum() * 1.5)
    assert abs(rates[0] - rates[1]) < 4 * spread
