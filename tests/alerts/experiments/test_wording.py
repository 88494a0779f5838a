"""Figures as people write them."""

from __future__ import annotations

from alerts.experiments.results import Interval, Lift
from alerts.experiments.wording import (
    difference,
    level,
    lift,
    p_value,
    power_of_ten,
    signed_percent,
)


def test_figures_as_people_write_them() -> None:
    assert lift(Lift(0.031, Interval(0.012, 0.05))) == "+3.1 % [+1.2 %, +5.0 %]"
    unbounded = Lift(0.5, Interval(None, None), "control not distinguishable from 0")
    assert lift(unbounded) == "+50.0 % [control not distinguishable from 0]"
    assert (signed_percent(-0.0001), signed_percent(None)) == ("0.0 %", "-")
    assert level(0.04821, 1.0, share=True) == "4.82 %"
    assert level(0.0123456, 1000.0, share=False) == "12.35"
    assert level(11600.4, 1.0, share=False) == "11,600"
    assert difference(0.0048, 1.0, share=True) == "+0.48 pp"
    assert (p_value(1e-9), p_value(0.0028), p_value(0.0499)) == ("< 0.0001", "0.0028", "0.0499")
    assert (power_of_ten(-0.04), power_of_ten(3.26)) == ("0.0", "3.3")
