"""Alerts against the truth, in both directions, and counts against counts."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from alerts.demo.compare import Comparison, compare
from alerts.demo.show import found, verdicts
from alerts.demo.truth import read_truth
from tests.alerts.demo.samples import day, episode, incident, observed, rules, truth

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.demo.truth import Incident
    from alerts.runner import Episode

METRICS = "personalization_metrics"


def held(incidents: list[Incident], episodes: list[Episode]) -> Comparison:
    return compare(truth(*incidents), rules().rules, episodes, observed())


def test_an_episode_on_its_surface_and_days_finds_the_incident() -> None:
    comparison = held([incident()], [episode()])

    (finding,) = comparison.findings
    assert comparison.ok
    assert finding.status == "found"
    assert [rule.name for rule in finding.rules] == ["ctr-floor", "ctr-week-over-week"]
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


def test_a_missing_day_must_be_missing() -> None:
    gap = incident(id="gap", kind="missing_day", metric="impressions", surface=None)
    empty = compare(truth(gap), rules().rules, [], observed(days=frozenset({day(1), day(5)})))
    filled = compare(truth(gap), rules().rules, [], observed(days=frozenset({day(3)})))

    assert empty.ok
    assert empty.findings[0].status == "shown"
    assert "freshness rule" in found(empty.findings[0])
    assert filled.findings[0].status == "missed"
    assert str(day(3)) in found(filled.findings[0])


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
