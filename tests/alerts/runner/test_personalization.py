"""The rules on decision traces, on marts made by hand."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg2

from alerts.rules import DEFAULT_RULES, load_rules
from alerts.runner import evaluate
from alerts.runner.document import result_document
from alerts.warehouse import open_warehouse
from tests.alerts.handmade import Marts, Served, ddl
from tests.alerts.runner.helpers import day, decide, one, rule, run, shipped

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.runner import Evaluation, Result
    from alerts.warehouse import Target

EVENING = datetime(2025, 3, 3, 20, tzinfo=UTC)


def found(evaluation: Evaluation, name: str) -> Result:
    (result,) = [one for one in evaluation.results if one.rule == name]
    return result


def fired(evaluation: Evaluation) -> dict[str, list[tuple[Any, Any]]]:
    episodes: dict[str, list[tuple[Any, Any]]] = {}
    for episode in evaluation.episodes:
        episodes.setdefault(episode.rule, []).append((episode.first, episode.last))
    return episodes


def at(minutes: int) -> datetime:
    return EVENING + timedelta(minutes=minutes)


def test_each_shipped_rule_fires_on_what_it_is_for_and_on_nothing_else(marts: Marts) -> None:
    rows = [Served(n) for n in range(31)]
    for n, fields in {
        12: {"personalized": 5600},
        15: {"cold": 151},
        18: {"unavailable": 1001},
        21: {"overlap": 0.36},
        22: {"overlap": 0.4},
        24: {"overlap": 0.5},
        26: {"overlap": 0.5, "pairs": 999},
        27: {"overlap": None, "pairs": 0},
        28: {"served": 1999, "personalized": 100},
    }.items():
        for name, value in fields.items():
            setattr(rows[n], name, value)
    marts.served(*rows)
    marts.sources((0, 100, 40, 30, 30), (1, 40, 40, 40, 40), (2, 100, 30, 20, 0), (3, 9, 0, 0, 0))
    evaluation = shipped(marts)
    assert fired(evaluation) == {
        "personalization-below-baseline": [(day(12), day(12))],
        "cold-start-exposure": [(day(15), day(15))],
        "out-of-stock": [(day(18), day(18))],
        "overlap-spike": [(day(21), day(22))],
        "collaborative-zero-streak": [(day(1), day(1))],
    }
    silent = {name for name in evaluation.unjudged if "experiment" not in name}
    assert silent == {
        *("source-freshness", "quarantine-rate", "personalization-drop", "reason-coverage")
    }


def test_half_an_hour_of_five_minutes(marts: Marts) -> None:
    marts.intraday(*((at(5 * n), 1000, 600 if n < 3 else 540, 900) for n in range(10)))
    result = found(shipped(marts), "personalization-drop")
    # The bucket of 20:45 is not over.
    assert (result.state, result.bucket, result.since) == ("firing", at(40), at(15))
    assert result.reason == (
        "personalized_impression_rate 54 % < 55 % (personalized_items 540 / served_items 1,000)"
    )
    assert found(shipped(marts, at(40)), "personalization-drop").state == "pending"
    assert found(shipped(marts), "reason-coverage").state == "ok"


def test_an_evening_does_not_add_up_with_the_next_morning(marts: Marts) -> None:
    morning = 12 * 60
    low = [*range(0, 25, 5), *range(morning, morning + 25, 5)]
    marts.intraday(*((at(minute), 1000, 100, 900) for minute in low))
    # At night there is too little to judge, and for an hour nothing at all.
    night = range(25, morning - 60, 5)
    marts.intraday(*((at(minute), 99, 10, 90) for minute in night))
    marts.intraday((at(morning + 25), 1000, 100, 900))
    evaluation = shipped(marts)
    result = found(evaluation, "personalization-drop")
    assert (result.state, result.since) == ("pending", at(morning))
    assert result.reason.endswith("; 5 of 6 buckets")
    marts.intraday((at(morning + 30), 1000, 100, 900))
    (episode,) = [e for e in shipped(marts).episodes if e.rule == "personalization-drop"]
    assert (episode.first, episode.fired) == (at(morning), at(morning + 25))


def test_a_quiet_bucket_within_half_an_hour_does_no_harm(marts: Marts) -> None:
    minutes = [0, 5, 10, 25, 30, 35, 40]
    marts.intraday(*((at(minute), 1000, 100, 900) for minute in minutes))
    result = found(shipped(marts), "personalization-drop")
    assert (result.state, result.since, result.bucket) == ("firing", at(0), at(35))
    quiet = found(shipped(marts, at(25)), "personalization-drop")
    assert (quiet.state, quiet.reason) == ("no_data", "no row for 2025-03-03T20:20:00Z")


def test_what_is_read_as_it_stands(marts: Marts) -> None:
    marts.served(Served(0, overlap=0.412), Served(1, overlap=None), Served(2))
    overlap = rule(**OVERLAP)
    result = one(run(marts, overlap, as_of=day(1)))
    assert (result.state, result.value) == ("firing", 0.412)
    assert result.reason == (
        "catalog_overlap_pct 0.412 > 0.35 (overlap_pairs 5,000, standard error 0.002)"
    )
    written = result_document(result)
    assert (written["numerator"], written["denominator"]) == (None, 5000)
    missing = one(run(marts, overlap))
    assert (missing.state, missing.since) == ("invalid", day(1))
    assert missing.reason.startswith("catalog_overlap_pct has no value; it fired from 2025-03-03")


OVERLAP = {
    "mart": "analytics.personalization_daily",
    "metric": "catalog_overlap_pct",
    "by": ["namespace", "surface"],
    "when": "> 0.35",
}


def test_percentiles_and_entropies_in_their_units(marts: Marts) -> None:
    marts.served(Served(0), Served(1))
    marts.execute("update analytics.personalization_daily set brand_entropy = 2.5")
    marts.execute(
        "insert into analytics.topk_overlap_daily by name "
        "select date '2025-03-03' + n::int as day, 'default' as namespace, 'home' as surface, "
        "'device' as cohort_type, cohort, 200 as pairs, 0.25 as p90 "
        "from range(2) r(n), (values ('ios'), ('web')) c(cohort)"
    )
    entropy = rule(**{**OVERLAP, "metric": "brand_entropy", "when": "< 3"})
    assert one(run(marts, entropy)).reason == "brand_entropy 2.5 bits < 3 bits"
    p90 = {"mart": "analytics.topk_overlap_daily", "metric": "p90", "when": "> 0.2"}
    ios = rule(**{**OVERLAP, **p90}, where={"cohort_type": "device", "cohort": "ios"})
    assert one(run(marts, ios)).reason == "p90 0.25 > 0.2 (pairs 200)"


def test_a_drop_says_value_baseline_and_change(marts: Marts, tmp_path: Path) -> None:
    marts.served(*(Served(n, personalized=6000 if n < 8 else 5100) for n in range(10)))
    rules = load_rules([DEFAULT_RULES])
    evaluation = shipped(marts)
    result = found(evaluation, "personalization-below-baseline")
    assert (result.state, result.value, result.baseline) == ("firing", -0.15, 0.6)
    assert result.reason == (
        "change of personalized_impression_rate -15 % < -5 % (51 % after 60 % in the 7d before "
        "the fall; personalized_items 5,100 / served_items 10,000)"
    )
    assert result_document(result)["baseline"] == 0.6
    (outgoing,) = decide(evaluation, rules)
    facts = dict(outgoing.message.alerts[0].facts)
    assert [facts[name] for name in ("value", "now", "before", "threshold", "served_items")] == [
        "-15 %",
        "51 %",
        "60 %",
        "< -5 %",
        "10,000",
    ]


def test_a_fall_of_more_than_a_fortnight_is_the_new_level(marts: Marts) -> None:
    marts.served(*(Served(n, personalized=6000 if n < 8 else 5100) for n in range(31)))
    (episode,) = shipped(marts).episodes
    assert (episode.first, episode.last, episode.open) == (day(8), day(21), False)


def test_between_days_any_number_may_lie_that_cannot_be_judged(marts: Marts) -> None:
    high = {0, 1, 9}
    marts.served(*(Served(n, overlap=0.4, pairs=5000 if n in high else 10) for n in range(11)))
    held = rule(**OVERLAP, for_="3d", min_denominator={"column": "overlap_pairs", "value": 1000})
    result = one(run(marts, held))
    assert (result.state, result.since, result.bucket) == ("firing", day(0), day(9))


def test_a_baseline_of_another_length(marts: Marts) -> None:
    marts.served(*(Served(n, personalized=6000 if n < 3 else 5100) for n in range(5)))
    drop = {**OVERLAP, "kind": "drop", "metric": "personalized_impression_rate", "when": "< -0.05"}
    assert one(run(marts, rule(**drop))).reason == (
        "too little in the 7d before 2025-03-06 to compare with"
    )
    # Five in seven, rounded up: three of three days.
    assert one(run(marts, rule(**drop, baseline="3d"))).state == "firing"
    assert one(run(marts, rule(**drop, baseline="4d"))).state == "firing"
    assert one(run(marts, rule(**drop, baseline="5d"))).state == "too_few"
    assert one(run(marts, rule(**drop, baseline="5d", min_baseline=3))).state == "firing"


def test_a_streak_over_midnight(marts: Marts) -> None:
    marts.sources((0, 100, 40, 30, 30), (1, 40, 40, 40, 40), (2, 10, 0, 0, 0))
    marts.sources((1, 500, 400, 390, 0), source="popularity")
    result = found(shipped(marts), "collaborative-zero-streak")
    assert (result.state, result.value) == ("firing", 70)
    assert result.reason == (
        "longest_zero_streak 70 requests >= 50 requests "
        "(begun before 2025-03-04; zero_requests 40 / requests 40)"
    )
    alone = rule(
        **{**OVERLAP, "mart": "analytics.candidate_sources_daily", "when": ">= 50"}
        | {"metric": "longest_zero_streak", "where": {"source": "collaborative"}}
    )
    assert one(run(marts, alone)).state == "ok"


def test_marts_without_rows_are_a_line_each_and_no_result(marts: Marts) -> None:
    rules = [rule(**OVERLAP), rule(**OVERLAP, name="b"), rule(name="c", by=["surface"])]
    evaluation = run(marts, *rules)
    assert {result.rule for result in evaluation.results} == {"c"}
    assert evaluation.unjudged == ("r", "b")
    assert evaluation.warnings == (
        "analytics.personalization_daily has no complete bucket, so not judged: r, b",
        "analytics.engagement_daily has no complete bucket, so not judged: c",
    )
    marts.served(Served(0), Served(1))
    (line,) = run(marts, rule(**OVERLAP, where={"surface": "cart"})).warnings
    assert line == "analytics.personalization_daily has no value for them, so not judged: r"


def test_a_place_that_only_shows_impressions_is_no_series_of_what_was_served(marts: Marts) -> None:
    nothing = {"requests": 0, "served": 0, "personalized": 0, "overlap": None}
    marts.served(*(Served(n, "email", **nothing) for n in range(4)))
    evaluation = shipped(marts)
    assert [one for one in evaluation.results if len(one.labels) > 1] == []
    assert (
        "analytics.personalization_daily has no value for them, so not judged: overlap-spike, "
        "personalization-below-baseline, cold-start-exposure, out-of-stock"
    ) in evaluation.warnings
    marts.served(Served(0), Served(1, **nothing), Served(2, **nothing), Served(3))
    (result,) = [one for one in shipped(marts).results if one.rule == "cold-start-exposure"]
    assert (result.state, result.since) == ("invalid", day(1))
    assert result.labels == (("namespace", "default"), ("surface", "home"))


def test_postgres_gives_the_same(
    tmp_path: Path, marts: Marts, postgres_settings: dict[str, Any], postgres_target: Target
) -> None:
    statements = [
        "insert into analytics.personalization_daily (day, namespace, surface, requests, "
        "served_items, personalized_items, cold_start_requests, unavailable_items, "
        "catalog_overlap_pct, overlap_stderr, overlap_pairs) values "
        + ", ".join(
            f"('2025-03-03'::date + {n}, 'default', 'home', 500, 9000, {5000 - 300 * n}, 7, 9, "
            f"{0.1 * n + 1 / 3}, 0.0123, 5000)"
            for n in range(10)
        ),
        "insert into analytics.candidate_sources_daily (day, namespace, surface, source, "
        "requests, zero_requests, longest_zero_streak, trailing_zero_streak) values "
        "('2025-03-03', 'default', 'home', 'collaborative', 90, 60, 40, 20), "
        "('2025-03-04', 'default', 'home', 'collaborative', 60, 60, 60, 60), "
        "('2025-03-05', 'default', 'home', 'collaborative', 1, 0, 0, 0)",
        "insert into analytics.personalization_intraday (bucket_start, namespace, surface, "
        "served_items, personalized_items, reason_items) values "
        + ", ".join(
            f"('2025-03-03 22:00:00+00'::timestamptz + interval '{5 * n} minutes', 'default', "
            f"'home', 900, 300, {n})"
            for n in range(20)
        ),
    ]
    for statement in statements:
        marts.execute(statement)
    with closing(psycopg2.connect(**postgres_settings)) as connection:
        with connection.cursor() as cursor:
            for statement in (*ddl(), *statements):
                cursor.execute(statement)
        connection.commit()
    rules = [one for one in load_rules([DEFAULT_RULES]).rules if "namespace" in one.by]
    with closing(marts.open()) as duck, closing(open_warehouse(postgres_target)) as postgres:
        expected = evaluate(rules, duck)
        assert evaluate(rules, postgres) == expected
    assert {one.rule for one in expected.firing} == {
        "personalization-drop",
        "reason-coverage",
        "overlap-spike",
        "personalization-below-baseline",
        "collaborative-zero-streak",
    }


def test_sixty_days_of_five_minutes_are_read_and_no_more(marts: Marts, tmp_path: Path) -> None:
    marts.execute(
        "insert into analytics.personalization_intraday by name "
        "select timestamptz '2025-03-03 00:00:00+00' + n * interval 5 minutes as bucket_start, "
        "'default' as namespace, s as surface, 200 as served_items, "
        "100 + (n * 7) % 50 as personalized_items, 100 as reason_items "
        "from range(30_000) r(n), (values ('home'), ('pdp'), ('cart')) v(s)"
    )
    intraday = [one for one in load_rules([DEFAULT_RULES]).rules if "intraday" in one.mart]
    with closing(marts.open()) as warehouse:
        evaluation = evaluate(intraday, warehouse)
    assert len(evaluation.results) == 6
    coverage = evaluation.results[-1]
    assert coverage.bucket == datetime(2025, 3, 3, tzinfo=UTC) + 29_998 * timedelta(minutes=5)
    # Of what lies in the mart, 17,280 buckets of each series are read.
    assert coverage.since == coverage.bucket - timedelta(days=60)
