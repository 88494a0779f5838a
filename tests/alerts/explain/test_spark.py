"""The chart of one line."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from alerts.explain import chart, spark
from alerts.explain.spark import BLOCKS, GAP, MOST

VALUES = st.lists(st.none() | st.floats(), max_size=40)


def test_from_the_lowest_to_the_highest_with_gaps() -> None:
    assert spark([0.0, 1.0, None, 7.0, math.nan, 4.0]) == "▁▂·█·▅"


def test_what_does_not_move_stands_in_the_middle() -> None:
    assert spark([3.0, 3.0]) == "▄▄"


def test_a_chart_names_its_reach_and_the_threshold() -> None:
    assert chart([0.041, None, 0.02], "share", "<", 0.04) == "█·▁ 2 % to 4.1 %, threshold < 4 %"
    assert chart([5.0], "ms", ">", 9.0) == "▄ 5 ms, threshold > 9 ms"
    assert chart([None, math.inf], "share", "<", 0.04) == ""


@given(VALUES)
def test_any_values_give_one_character_each_of_the_newest(values: list[float | None]) -> None:
    drawn = spark(values)
    assert len(drawn) == min(len(values), MOST)
    for value, char in zip(values[-MOST:], drawn, strict=True):
        known = value is not None and math.isfinite(value)
        assert char in BLOCKS if known else char == GAP


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=MOST))
def test_a_higher_value_is_never_drawn_lower(values: list[float]) -> None:
    pairs = sorted(zip(values, spark(values), strict=True))
    heights = [BLOCKS.index(char) for _, char in pairs]
    assert heights == sorted(heights)
