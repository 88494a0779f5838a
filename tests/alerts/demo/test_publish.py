"""What the report is told: shades and alarms stand on the panels that they concern."""

from __future__ import annotations

import pytest

from alerts.demo.compare import compare
from alerts.demo.publish import describe
from alerts.runner import Evaluation
from tests.alerts.demo.samples import day, episode, incident, observed, of_shop, rules, truth

SHARE = incident(
    id="pdp-decline",
    kind="personalized_share_decline",
    mart="analytics.personalization_daily",
    metric="personalized_impression_rate",
)
GAP = incident(id="gap", kind="missing_day", metric="impressions", surface=None)
LATE = incident(id="late", kind="late_rows", metric="late_rows", surface=None)


def test_only_what_panels_show_is_shaded() -> None:
    comparison = compare(truth(incident(), SHARE, GAP, LATE), rules().rules, [], observed())
    content = describe(rules(), Evaluation(None, (), ()), comparison)

    assert [(one.label, one.surface, one.metric) for one in content.shades] == [
        ("ctr_drop", "pdp", "ctr"),
        ("missing_day", None, None),
    ]
    assert [row.incident for row in content.truth] == ["pdp-drop", "pdp-decline", "gap", "late"]


def test_an_alarm_of_the_shop_is_told_apart_from_one_of_the_app() -> None:
    alarms = [episode(), of_shop("personalization-below-baseline", "pdp", day(2), day(3))]
    comparison = compare(truth(incident(), SHARE), rules().rules, alarms, observed())
    content = describe(rules(), Evaluation(None, (), tuple(alarms)), comparison)

    assert {one.rule: (one.surface, one.metric, one.cause) for one in content.alarms} == {
        "ctr-floor": ("pdp", "ctr", "pdp-drop"),
        "personalization-below-baseline": (
            "shop/pdp",
            "personalized_impression_rate",
            "pdp-decline",
        ),
    }


@pytest.mark.parametrize(
    ("rule", "metric"),
    [
        ("personalization-drop", "personalized_impression_rate"),
        ("overlap-spike", "catalog_overlap_pct"),
        ("out-of-stock", None),
        ("collaborative-zero-streak", None),
    ],
)
def test_an_alarm_stands_on_the_panel_of_its_metric(rule: str, metric: str | None) -> None:
    alarms = [of_shop(rule, "home", day(2), day(2))]
    comparison = compare(truth(), rules().rules, alarms, observed())
    (alarm,) = describe(rules(), Evaluation(None, (), tuple(alarms)), comparison).alarms

    assert alarm.metric == metric


def test_the_bounds_of_thresholds_are_drawn() -> None:
    comparison = compare(truth(), rules().rules, [], observed())
    content = describe(rules(), Evaluation(None, (), ()), comparison)

    assert content.limits == {"personalized_impression_rate": 0.55, "catalog_overlap_pct": 0.35}
