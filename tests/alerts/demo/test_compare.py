"""Alerts against the truth, in both directions, and counts against counts."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from alerts.backtest.matching import watches
from alerts.backtest.truth import read_truth
from alerts.demo.compare import Comparison, compare
from alerts.demo.show import expected, found, verdicts
from alerts.simulate.scenarios import TRACE_INCIDENTS
from tests.alerts.demo.samples import day, episode, incident, observed, of_shop, rules, truth

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.backtest.truth import Incident
    from alerts.runner import Episode

METRICS = "personalization_metrics"
ON_CTR = ["ctr-floor", "ctr-anomaly", "ctr-week-over-week"]


def held(incidents: list[Incident], episodes: list[Episode]) -> Comparison:
    return compare(truth(*incidents), rules().rules, episodes, observed())


def test_an_episode_on_its_surface_and_days_finds_the_incident() -> None:
    comparison = held([incident()], [episode()])

    (finding,) = comparison.findings
    assert comparison.ok
    assert finding.status == "found"
    assert [rule.name for rule in finding.rules] == ON_CTR
    assert found(finding) == f"ctr-floor {day(2)}"
    assert comparison.causes(finding.episodes[0]) == (incident(),)


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param([], id="nothing fired"),
        pytest.param([episode(surface="home")], id="another surface"),
        pytest.param([episode(first=0, last=1)], id="before"),
        pytest.param([episode(first=5, last=6)], id="after"),
        pytest.param([episode(rule="dwell-floor")], id="another metric"),
    ],
)
def test_an_incident_without_a_matching_episode_is_missed(missing: list[Episode]) -> None:
    comparison = held([incident()], missing)

    assert not comparison.ok
    assert comparison.findings[0].status == "missed"
    assert comparison.false_alarms == tuple(missing)
    assert "MISSED pdp-drop" in "\n".join(verdicts(comparison))


def test_a_week_covers_seven_days() -> None:
    friday = incident(first_day=day(4), last_day=day(4))
    week = episode(rule="ctr-week-over-week", first=0, last=0)

    assert held([friday], [week]).ok
    assert found(held([friday], [week]).findings[0]) == f"ctr-week-over-week week of {day(0)}"
    assert not held([incident(first_day=day(7), last_day=day(9))], [week]).ok


def test_an_episode_without_a_cause_is_a_false_alarm() -> None:
    other = episode(surface="home", first=20, last=21)
    comparison = held([incident()], [episode(), other])

    assert not comparison.ok
    assert comparison.findings[0].ok
    assert comparison.false_alarms == (other,)
    assert "FALSE ALARM ctr-floor {surface=home}" in "\n".join(verdicts(comparison))


def test_equal_episodes_of_two_rules_are_kept_apart() -> None:
    drops = [incident(), incident(id="pdp-dwell", kind="dwell_drop", metric="avg_dwell_ms")]
    comparison = held(drops, [episode(), episode(rule="dwell-floor")])

    assert comparison.ok
    assert [one.episodes[0].rule for one in comparison.findings] == ["ctr-floor", "dwell-floor"]


def test_an_incident_on_all_surfaces_excuses_nothing_that_rules_watch() -> None:
    late = incident(id="late", kind="late_rows", metric="late_rows", surface=None)

    assert held([late], [episode()]).false_alarms == (episode(),)


DROP = incident(
    id="home-drop",
    kind="personalized_share_drop",
    mart="analytics.personalization_intraday",
    metric="personalized_impression_rate",
    surface="home",
    first_day=day(2),
    last_day=day(2),
    starts_at=datetime(2025, 5, 28, 19, 0, tzinfo=UTC),
    ends_at=datetime(2025, 5, 28, 19, 40, tzinfo=UTC),
)


def on_home(hour: int, minute: int, last: int) -> Episode:
    start = datetime(2025, 5, 28, hour, minute, tzinfo=UTC)
    return of_shop("personalization-drop", "home", start, start + timedelta(minutes=last))


def test_an_incident_of_hours_is_found_in_its_hours() -> None:
    comparison = held([DROP], [on_home(19, 0, last=35)])

    (finding,) = comparison.findings
    assert comparison.ok
    assert [rule.name for rule in finding.rules] == ["personalization-drop"]
    assert found(finding) == "personalization-drop 2025-05-28T19:00:00Z"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(on_home(17, 0, last=115), id="before"),
        pytest.param(on_home(19, 40, last=30), id="after"),
        pytest.param(of_shop("reason-coverage", "home", day(2), day(2)), id="another metric"),
        pytest.param(
            of_shop("personalization-below-baseline", "home", day(2), day(2)), id="by the day"
        ),
    ],
)
def test_what_fires_on_the_same_day_does_not_find_it(other: Episode) -> None:
    comparison = held([DROP], [other])

    assert not comparison.findings[0].ok
    assert comparison.false_alarms == (other,)


def test_the_same_metric_by_the_day_has_a_rule_of_its_own() -> None:
    decline = incident(
        id="pdp-decline",
        kind="personalized_share_decline",
        mart="analytics.personalization_daily",
        metric="personalized_impression_rate",
    )
    comparison = held([decline], [of_shop("personalization-below-baseline", "pdp", day(2), day(3))])

    assert comparison.ok
    assert [rule.name for rule in comparison.findings[0].rules] == [
        "personalization-below-baseline"
    ]


def test_every_incident_of_the_demo_is_covered_as_it_should_be() -> None:
    covered = {
        one.id: [
            rule.name
            for rule in rules().rules
            if watches(rule, incident(mart=one.mart, metric=one.metric, surface=one.surface))
        ]
        for one in TRACE_INCIDENTS
    }
    assert covered == {
        "home-collaborative-outage": ["collaborative-zero-streak"],
        "pdp-cold-start-rise": ["cold-start-exposure"],
        "home-reason-outage": ["reason-coverage"],
        "cart-overlap-spike": ["overlap-spike"],
        "cart-stock-outage": ["out-of-stock"],
        "home-personalization-drop": ["personalization-drop"],
        "pdp-personalization-decline": ["personalization-below-baseline"],
    }


def test_a_missing_day_is_found_on_every_surface() -> None:
    gap = incident(id="gap", kind="missing_day", metric="impressions", surface=None)
    silent = [episode("missing-day", surface=name, last=2) for name in ("home", "pdp")]
    comparison = held([gap], silent)

    assert comparison.ok
    assert comparison.findings[0].episodes == tuple(silent)
    assert held([gap], []).findings[0].status == "missed"


def test_refused_rows_are_shown_by_count_as_all_are_loaded_in_one_night() -> None:
    """By the day of the load there is one day: a rule that goes by it finds nothing to compare."""
    broken = incident(id="b", kind="broken_rows", metric="", surface=None, table=METRICS)
    tonight = episode("quarantine-rate", labels=(("source_table", METRICS),))

    (finding,) = held([broken], []).findings
    assert finding.status == "shown"
    assert expected(finding) == "quarantine-rate, had it not all been loaded at once"
    assert held([broken], [tonight]).false_alarms == (tonight,)


@pytest.mark.parametrize("where", ["rows", "rejected"])
def test_a_wrong_count_is_a_difference(where: str) -> None:
    broken = incident(id="broken", kind="broken_rows", metric="rejected_rows", surface=None)
    planted = truth(
        broken,
        rows={(METRICS, "accepted"): 9, (METRICS, "invalid_json"): 3},
        rejected={(METRICS, "invalid_json"): 3},
    )
    right: dict[str, Any] = {"rows": dict(planted.rows), "rejected": dict(planted.rejected)}
    wrong = right | {where: right[where] | {(METRICS, "invalid_json"): 2}}

    exact = compare(planted, rules().rules, [], observed(**right))
    differing = compare(planted, rules().rules, [], observed(**wrong))

    assert exact.ok
    assert "exactly as planted" in found(exact.findings[0])
    assert not differing.ok
    assert differing.findings[0].status == "missed"
    assert "2 instead of 3" in "\n".join(verdicts(differing))


def test_an_unknown_reason_is_a_difference_too() -> None:
    comparison = compare(truth(), rules().rules, [], observed(rows={(METRICS, "surprise"): 1}))

    assert [str(one) for one in comparison.differences] == [
        f"data_quality_daily: {METRICS}, surprise: 1 instead of 0"
    ]


def test_late_rows_show_in_accepted_and_duplicate() -> None:
    late = incident(id="late", kind="late_rows", metric="late_rows", surface=None)
    planted = truth(late, rows={(METRICS, "accepted"): 9, (METRICS, "duplicate"): 1})
    lost = observed(rows={(METRICS, "accepted"): 9})

    exact = compare(planted, rules().rules, [], observed(rows=planted.rows))
    assert "9 rows accepted, 1 duplicate, exactly" in found(exact.findings[0])
    assert "NOT as planted" in found(compare(planted, rules().rules, [], lost).findings[0])


def test_reading_the_truth(tmp_path: Path) -> None:
    counts = {"lines": 20, "accepted": 12, "duplicate": 0, "refused": 5, "rejected": 3}
    size = {"rejected": {"invalid_json": 3}, "refused": {"invalid_json": 1, "missing_id": 4}}
    base = {"mart": "a.b", "metric": "m", "surface": None, "sentence": "", "table": METRICS}
    base |= {"first_day": "2025-05-22", "last_day": "2025-05-23"}
    hours = {"starts_at": "2025-05-22T19:00:00.000Z", "ends_at": "2025-05-22T19:40:00.000Z"}
    document = {
        "rows": {METRICS: counts},
        "incidents": [
            base | {"id": "broken", "kind": "broken_rows", "size": size},
            base | {"id": "late", "kind": "late_rows", "size": {"late": 2}, "parts": ["p4"]},
            base | {"id": "hours", "kind": "share_drop", "size": {}} | hours,
        ],
    }
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(document))

    read = read_truth(path)

    assert read.rows == {
        (METRICS, "accepted"): 12,
        (METRICS, "invalid_json"): 4,
        (METRICS, "missing_id"): 4,
    }
    assert read.rejected == {(METRICS, "invalid_json"): 3}
    assert read.late_parts == {"p4"}
    broken, _, hours_long = read.incidents
    assert (broken.days, broken.over) == ("2025-05-22 to 05-23", date(2025, 5, 24))
    assert hours_long.days == "2025-05-22 19:00 to 19:40"
    assert hours_long.over == datetime(2025, 5, 22, 19, 40, tzinfo=UTC)
