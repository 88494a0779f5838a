"""A run over all series: what was not seen, and rules that are gone."""

from __future__ import annotations

from typing import Any

from alerts.state import Advance, Observation, Record, advance
from tests.alerts.state.made import POLICY, seen, stretch

FIRES = seen("firing", 3, stretch(3, 3, is_open=True))
FINE = seen("normal", 3, fingerprint="f2", labels=(("surface", "search"),))
POLICIES = {"ctr-floor": POLICY}


def test_a_series_that_fires_and_is_not_seen_any_more_is_held_and_later_unknown() -> None:
    runs = _runs([FIRES, FINE], [FINE], [FINE], [FINE])
    assert [_kinds(one) for one in runs] == [["firing"], [], [], ["unknown"]]
    records = _by_fingerprint(runs[-1])
    assert records["f1"].episode is not None
    assert records["f1"].state == "no_data"
    assert "no rows" in records["f1"].reason


def test_a_series_that_is_fine_and_not_seen_any_more_is_nobodys_alert() -> None:
    runs = _runs([FIRES, FINE], *([[FIRES]] * 5))
    assert _kinds(runs[-1]) == []


def test_a_rule_whose_query_fails_is_one_alert_not_one_for_each_series() -> None:
    failed = seen("error", None, fingerprint="whole", labels=(), reason="no such column")
    runs = _runs([FIRES, FINE], [failed], [failed], [failed], [FIRES, FINE])
    assert [_kinds(one) for one in runs] == [["firing"], [], [], ["unknown"], ["known"]]
    assert runs[3].transitions[0].fingerprint == "whole"


def test_a_rule_that_was_deleted_ends_its_alerts() -> None:
    (first,) = _runs([FIRES, FINE])
    after = advance(_by_fingerprint(first), [], {}, complete=True)
    assert [(one.kind, one.because) for one in after.transitions] == [("resolved", "rule_gone")]
    again = advance({**_by_fingerprint(first), **_by_fingerprint(after)}, [], {}, complete=True)
    assert again.transitions == ()


def test_a_run_of_some_rules_says_nothing_of_the_others() -> None:
    (first,) = _runs([FIRES, FINE])
    after = advance(_by_fingerprint(first), [], {}, complete=False)
    assert after == Advance((), ())


def test_an_experiment_that_is_over_ends_its_alert_once() -> None:
    over = seen("normal", None, stretch(3, 3))
    runs = _runs([FIRES], [over], [over])
    assert [_kinds(one) for one in runs] == [["firing"], ["resolved"], []]


def test_an_experiment_that_fired_and_is_over_between_two_evaluations_is_told_once() -> None:
    over = seen("normal", None, stretch(3, 4))
    runs = _runs([seen("normal", 2)], [over], [over])
    assert [_kinds(one) for one in runs] == [[], ["firing", "resolved"], []]


def test_a_suppressed_series_is_named_by_its_fingerprint() -> None:
    done = advance({}, [FIRES], POLICIES, {"f1": "silence 7"}, complete=True)
    assert [(one.told, one.suppressed) for one in done.transitions] == [(False, "silence 7")]


def test_an_earlier_time_is_one_remark_for_each_rule() -> None:
    (first,) = _runs([FIRES, FINE])
    earlier = [seen("normal", 1), seen("normal", 1, fingerprint="f2")]
    after = advance(_by_fingerprint(first), earlier, POLICIES, complete=True)
    assert after.transitions == ()
    assert len(after.remarks) == 1
    assert after.remarks[0].startswith("ctr-floor: 2 series as at 2025-03-03")


def _runs(*runs: list[Observation]) -> list[Advance]:
    records: dict[str, Record] = {}
    done: list[Advance] = []
    for observations in runs:
        done.append(advance(records, observations, POLICIES, complete=True))
        records |= _by_fingerprint(done[-1])
    return done


def _by_fingerprint(done: Advance) -> dict[str, Record]:
    return {one.fingerprint: one for one in done.records}


def _kinds(done: Advance) -> list[Any]:
    return [one.kind for one in done.transitions]
