"""What is told when: one test for each promise, then random histories against the reference."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from alerts.state import machine
from alerts.state.model import Record
from faults.histories import differences, draw, figure
from tests.alerts.state.made import POLICY, day, run, said, seen, stretch

if TYPE_CHECKING:
    from random import Random


def test_an_episode_is_told_when_it_begins_and_when_it_ends_and_not_in_between() -> None:
    steps = run(
        seen("normal", 1),
        seen("pending", 2),
        seen("firing", 3, stretch(2, 3, is_open=True)),
        seen("recovering", 4, stretch(2, 3, is_open=True)),
        seen("normal", 5, stretch(2, 3)),
    )
    assert [said(one) for one in steps] == [
        [],
        [],
        [("firing", 1, True)],
        [],
        [("resolved", 1, True)],
    ]
    assert steps[2].transitions[0].since == day(2)


def test_the_same_evaluation_twice_tells_nothing_twice() -> None:
    fires = seen("firing", 3, stretch(2, 3, is_open=True))
    first, second = run(fires, fires)
    assert said(first) == [("firing", 1, True)]
    assert said(second) == []
    assert second.record == first.record


def test_what_still_fires_is_said_again_after_the_interval_in_data_time() -> None:
    steps = run(*(seen("firing", n, stretch(2, n, is_open=True)) for n in range(2, 7)))
    assert [said(one) for one in steps] == [
        [("firing", 1, True)],
        [],
        [("repeated", 1, True)],
        [],
        [("repeated", 1, True)],
    ]


def test_a_second_episode_has_a_number_of_its_own() -> None:
    steps = run(
        seen("firing", 2, stretch(2, 2, is_open=True)),
        seen("firing", 5, stretch(2, 2), stretch(5, 5, is_open=True)),
    )
    assert said(steps[1]) == [("resolved", 1, True), ("firing", 2, True)]


def test_what_began_and_ended_between_two_evaluations_is_told() -> None:
    steps = run(seen("normal", 1), seen("normal", 6, stretch(3, 4)))
    assert said(steps[1]) == [("firing", 1, True), ("resolved", 1, True)]
    assert {one.because for one in steps[1].transitions} == {"passed"}
    assert {one.since for one in steps[1].transitions} == {day(3)}


def test_the_past_before_the_first_evaluation_is_nobodys_alert() -> None:
    (only,) = run(seen("normal", 9, stretch(1, 2), stretch(4, 6)))
    assert said(only) == []


def test_what_late_rows_make_in_the_past_is_recorded_and_not_sent() -> None:
    steps = run(
        seen("normal", 8), seen("normal", 9, stretch(3, 4)), seen("normal", 10, stretch(3, 4))
    )
    assert said(steps[1]) == [("firing", 1, False), ("resolved", 1, False)]
    assert {one.because for one in steps[1].transitions} == {"late_rows"}
    assert said(steps[2]) == []


def test_late_rows_that_reverse_what_was_told_restate_it() -> None:
    steps = run(seen("firing", 3, stretch(3, 3, is_open=True)), seen("normal", 4))
    assert said(steps[1]) == [("restated", 1, True)]


def test_late_rows_may_reverse_what_was_told_to_have_ended() -> None:
    steps = run(
        seen("firing", 3, stretch(3, 3, is_open=True)),
        seen("normal", 4, stretch(3, 3)),
        seen("normal", 5),
        seen("normal", 6),
    )
    assert [said(one) for one in steps[1:]] == [
        [("resolved", 1, True)],
        [("restated", 1, True)],
        [],
    ]


def test_late_rows_that_shift_an_episode_leave_it_the_same() -> None:
    steps = run(
        seen("firing", 5, stretch(4, 5, is_open=True)),
        seen("firing", 6, stretch(5, 6, is_open=True)),
        seen("normal", 7, stretch(2, 6)),
    )
    assert [said(one) for one in steps[1:]] == [[], [("resolved", 1, True)]]


def test_an_episode_that_the_mart_no_longer_reaches_back_to_is_not_restated() -> None:
    steps = run(
        seen("firing", 3, stretch(3, 3, is_open=True)),
        seen("normal", 40, begins=day(20)),
    )
    assert said(steps[1]) == [("resolved", 1, True)]
    assert steps[1].transitions[0].because == "out_of_sight"


def test_a_rule_that_was_rewritten_resolves_what_it_no_longer_finds_and_restates_nothing() -> None:
    steps = run(
        seen("firing", 3, stretch(3, 3, is_open=True), definition="< 0.04"),
        seen("normal", 4, stretch(1, 1), definition="< 0.03"),
    )
    assert said(steps[1]) == [("resolved", 1, True)]
    assert steps[1].transitions[0].because == "rule_changed"


def test_a_rule_that_moves_to_a_mart_of_hours_begins_anew() -> None:
    hour = datetime(2025, 3, 4, 6)  # noqa: DTZ001
    steps = run(
        seen("firing", 3, stretch(3, 3, is_open=True)),
        seen("normal", None, at=hour, bucket=hour, begins=hour),
        seen("normal", None, at=hour, bucket=hour, begins=hour),
    )
    assert [said(one) for one in steps[1:]] == [[("resolved", 1, True)], []]
    assert steps[2].record.bucket == hour


def test_nothing_that_cannot_be_judged_ends_an_alert() -> None:
    fires = seen("firing", 3, stretch(3, 3, is_open=True))
    for state in ("no_data", "invalid", "error", "too_few"):
        steps = run(fires, seen(state, 4), seen(state, None), seen("normal", 6, stretch(3, 3)))
        assert [said(one) for one in steps[1:3]] == [[], []], state
        assert ("resolved", 1, True) in said(steps[3]), state


def test_what_had_begun_before_the_data_ended_is_told() -> None:
    steps = run(seen("normal", 1), seen("no_data", 3, stretch(2, 2, is_open=True)))
    assert said(steps[1]) == [("firing", 1, True)]


def test_not_knowing_is_an_alert_of_its_own_after_three_evaluations_and_until_it_is_known() -> None:
    steps = run(
        seen("firing", 3, stretch(3, 3, is_open=True)),
        seen("no_data", 4),
        seen("error", None),
        seen("invalid", 5),
        seen("invalid", 6),
        seen("firing", 7, stretch(3, 7, is_open=True)),
    )
    assert [said(one) for one in steps[1:5]] == [[], [], [("unknown", 2, True)], []]
    assert said(steps[5]) == [("known", 2, True), ("repeated", 1, True)]


def test_too_few_is_not_counted_as_not_knowing() -> None:
    steps = run(seen("normal", 1), *(seen("too_few", n) for n in range(2, 9)))
    assert all(said(one) == [] for one in steps)


def test_an_earlier_time_changes_nothing_and_says_so() -> None:
    steps = run(
        seen("firing", 5, stretch(5, 5, is_open=True)),
        seen("normal", 3),
        seen("firing", 6, stretch(5, 6, is_open=True)),
    )
    assert said(steps[1]) == []
    assert steps[1].record == steps[0].record
    assert "judged through 2025-03-07" in steps[1].remark
    assert said(steps[2]) == []


def test_what_begins_under_a_silence_is_told_when_the_silence_is_over_and_it_still_fires() -> None:
    steps = run(
        seen("normal", 1),
        (seen("firing", 2, stretch(2, 2, is_open=True)), "silence 1"),
        (seen("firing", 3, stretch(2, 3, is_open=True)), "silence 1"),
        seen("firing", 4, stretch(2, 4, is_open=True)),
    )
    assert [said(one) for one in steps[1:]] == [[("firing", 1, False)], [], [("firing", 1, True)]]
    assert steps[1].transitions[0].suppressed == "silence 1"
    assert steps[3].transitions[0].because == "held_back"


def test_what_begins_and_ends_under_a_silence_is_recorded_and_not_sent() -> None:
    steps = run(
        seen("normal", 1),
        (seen("firing", 2, stretch(2, 2, is_open=True)), "silence 1"),
        (seen("normal", 3, stretch(2, 2)), "silence 1"),
        seen("normal", 4, stretch(2, 2)),
    )
    assert [said(one) for one in steps[1:]] == [
        [("firing", 1, False)],
        [("resolved", 1, False)],
        [],
    ]


def test_what_was_told_and_ends_under_a_silence_is_told_to_end() -> None:
    steps = run(
        seen("firing", 2, stretch(2, 2, is_open=True)),
        (seen("normal", 3, stretch(2, 2)), "silence 1"),
    )
    assert said(steps[1]) == [("resolved", 1, True)]


def test_a_silence_holds_back_what_would_be_said_again() -> None:
    steps = run(
        seen("firing", 2, stretch(2, 2, is_open=True)),
        (seen("firing", 9, stretch(2, 9, is_open=True)), "silence 1"),
        seen("firing", 10, stretch(2, 10, is_open=True)),
    )
    assert [said(one) for one in steps[1:]] == [[], [("repeated", 1, True)]]


def test_a_rule_that_is_gone_ends_what_was_told_and_gives_no_number_twice() -> None:
    (fires,) = run(seen("firing", 2, stretch(2, 2, is_open=True)))
    gone = machine.forget(fires.record)
    assert said(gone) == [("resolved", 1, True)]
    assert gone.transitions[0].because == "rule_gone"
    back = machine.step(gone.record, seen("firing", 4, stretch(4, 4, is_open=True)), POLICY)
    assert said(back) == [("firing", 2, True)]


def test_a_rule_that_fires_without_episodes_fires_from_its_bucket() -> None:
    steps = run(seen("firing", 2), seen("firing", 3), seen("normal", 4))
    assert said(steps[0]) == [("firing", 1, True)]
    assert steps[0].transitions[0].since == day(2)


def test_the_record_is_a_value() -> None:
    record = Record("f1", "ctr-floor", (("surface", "home"),), "page")
    machine.step(record, seen("firing", 2, stretch(2, 2, is_open=True)), POLICY)
    assert record == replace(record)


@given(st.randoms(use_true_random=False))
def test_random_histories_are_as_the_reference_says(random: Random) -> None:
    assert differences(draw(random)) == []


def test_the_figure_counts_evaluations_of_every_kind() -> None:
    measured = figure(300, seed=5)
    assert measured["holds"], measured["examples"]
    kinds = measured["transitions"]
    assert isinstance(kinds, dict)
    assert set(kinds) == {"firing", "repeated", "resolved", "restated", "unknown", "known"}
