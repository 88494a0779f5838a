"""Every planted incident can be recomputed from the files, and all else is calm."""

import datetime as dt

import pytest

from alerts.errors import ConfigurationError
from alerts.simulate.incidents import effects
from alerts.simulate.scenarios import DEMO, plan
from alerts.simulate.world import SURFACES

from .conftest import Written

DAILY = """
    select surface, day, count(*) as impressions, avg(cast(click_through as int)) as ctr,
           count(dwell_time_ms) as dwells, avg(dwell_time_ms) as dwell
    from impressions group by all order by all
"""
WEEKLY = """
    select surface, cast(date_trunc('week', day) as date) as week,
           avg(cast(click_through as int)) as ctr
    from impressions group by all order by all
"""


def ctr_between(written: Written, surface: str, first: str, last: str) -> float:
    ((ctr,),) = written.rows(
        "select avg(cast(click_through as int)) from impressions "
        f"where surface = '{surface}' and day between '{first}' and '{last}'"
    )
    return float(ctr)


@pytest.mark.parametrize("name", ["pdp-ctr-drop", "recently-viewed-ctr-drop"])
def test_a_ctr_drop_has_the_size_the_truth_says(demo: Written, calm: Written, name: str) -> None:
    incident = demo.incident(name)
    where = (incident["surface"], incident["first_day"], incident["last_day"])
    # The calm twin draws the same numbers, so the ratio has little noise.
    ratio = ctr_between(demo, *where) / ctr_between(calm, *where)
    assert ratio == pytest.approx(incident["size"]["ctr_factor"], abs=0.06)


def test_the_running_drop_reaches_into_the_last_morning(demo: Written) -> None:
    incident = demo.incident("recently-viewed-ctr-drop")
    assert incident["running"]
    last_full_day = dt.date.fromisoformat(demo.truth["last_full_day"])
    assert incident["last_day"] == (last_full_day + dt.timedelta(days=1)).isoformat()
    morning = incident["last_day"]
    assert ctr_between(demo, "recently_viewed", morning, morning) < 0.05


def test_the_dwell_drop_cuts_dwell_and_not_clicks(demo: Written, calm: Written) -> None:
    incident = demo.incident("visit-history-dwell-drop")
    where = f"day between '{incident['first_day']}' and '{incident['last_day']}'"
    figures = (
        "select sum(dwell_time_ms), count_if(click_through), count(*) from impressions "
        f"where surface = 'visit_history' and {where}"
    )
    ((cut, clicks, shown),) = demo.rows(figures)
    ((whole, calm_clicks, calm_shown),) = calm.rows(figures)
    assert cut / whole == pytest.approx(incident["size"]["dwell_factor"], rel=1e-3)
    assert (clicks, shown) == (calm_clicks, calm_shown)


def test_the_drift_is_seen_week_over_week_in_each_whole_week(demo: Written) -> None:
    incident = demo.incident("cart-ctr-drift")
    first = dt.date.fromisoformat(incident["first_day"])
    last = dt.date.fromisoformat(incident["last_day"])
    weeks = {week: ctr for surface, week, ctr in demo.rows(WEEKLY) if surface == "cart"}
    whole = [week for week in weeks if first <= week and week + dt.timedelta(days=6) <= last]
    assert len(whole) == 3
    for week in whole:
        assert weeks[week] / weeks[week - dt.timedelta(days=7)] - 1 < -0.18
    assert ctr_between(demo, "cart", incident["last_day"], incident["last_day"]) < 0.04
    assert weeks[last + dt.timedelta(days=1)] > 0.08


@pytest.mark.parametrize(
    ("table", "time"),
    [
        ("personalization_metrics", "created_at"),
        ("sessions", "started_at"),
        ("user_interactions", "created_at"),
        ("experiment_assignments", "assigned_at"),
    ],
)
def test_nothing_was_collected_on_the_missing_day(demo: Written, table: str, time: str) -> None:
    day = dt.date.fromisoformat(demo.incident("missing-day")["first_day"])
    seen = {
        row[0]
        for row in demo.rows(
            f"select distinct cast(cast({time} as timestamptz) as date) "
            f"from read_json('{demo.directory}/{table}/*.jsonl', ignore_errors = true, "
            f"format = 'newline_delimited', columns = {{{time}: 'varchar'}}) "
            f"where {time} like '____-__-__T%'"
        )
    }
    assert day not in seen
    if table != "experiment_assignments":
        assert day - dt.timedelta(days=1) in seen
        assert day + dt.timedelta(days=1) in seen


def test_all_other_surface_days_are_calm(demo: Written) -> None:
    days = [row for row in demo.rows(DAILY) if row[1].isoformat() <= demo.truth["last_full_day"]]
    assert len(days) == len(SURFACES) * (demo.truth["days"] - 1)  # one day is missing
    for surface, day, impressions, ctr, dwells, dwell in days:
        assert impressions >= 1_000, (surface, day)
        assert dwells >= 150, (surface, day)
        if not demo.touched(surface, day, "ctr"):
            assert ctr > 0.05, (surface, day)
        if not demo.touched(surface, day, "avg_dwell_ms"):
            assert 8_000 < dwell < 17_000, (surface, day)


def test_all_other_weeks_stay_near_the_week_before(demo: Written) -> None:
    ctr = {
        (surface, week): ctr
        for surface, week, ctr in demo.rows(WEEKLY)
        if week.isoformat() <= demo.truth["last_full_day"]
    }
    compared = 0
    for (surface, week), now in ctr.items():
        before = ctr.get((surface, week - dt.timedelta(days=7)))
        both = [week + dt.timedelta(days=offset) for offset in range(-7, 7)]
        if before is None or any(demo.touched(surface, day, "ctr") for day in both):
            continue
        compared += 1
        assert abs(now / before - 1) < 0.09, (surface, week)
    assert compared >= 30


def test_planting_changes_nothing_elsewhere(demo: Written, calm: Written) -> None:
    figures = """
        select day, surface, count(*), count_if(click_through), count(distinct user_id)
        from impressions group by all
    """
    planted, quiet = set(demo.rows(figures)), set(calm.rows(figures))
    differing = {(day, surface) for day, surface, *_ in planted ^ quiet}
    assert differing
    for day, surface in differing:
        # What runs over midnight carries the day before into the next.
        days = (day, day - dt.timedelta(days=1))
        metrics = ("ctr", "impressions")
        assert any(demo.touched(surface, at, metric) for at in days for metric in metrics), day


def test_the_calm_scenario_plants_nothing(calm: Written) -> None:
    assert calm.truth["incidents"] == []
    rows = calm.truth["rows"]["personalization_metrics"]
    assert rows["lines"] == rows["accepted"] == len(calm.rows("select id from impressions"))


@pytest.mark.parametrize("days", [1, 7, 9, 14, 30, 45, 56, 100])
def test_incidents_that_do_not_fit_are_left_out(days: int) -> None:
    planted = plan("demo", days)
    for incident in planted:
        assert 0 <= incident.first_day <= incident.last_day < days
    assert effects(planted, days).ctr.shape == (len(SURFACES), days + 1)
    assert (len(planted) == len(DEMO)) == (days >= 56)
    assert (len(planted) == 0) == (days < 9)


def test_an_unknown_scenario_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="chaos: unknown; there are demo, calm, long"):
        plan("chaos", 56)
