"""Which dimension explains a change, and in which words."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.explain import (
    Amount,
    Key,
    Split,
    Terms,
    concentration,
    most_telling,
    sentences,
    split_count,
    split_ratio,
)

CTR = Terms("ctr", "share", "impressions", "against the week before")
COUNT = Terms("impressions", "count", None, "against the week before")


def side(dimension: str, **parts: tuple[int, int]) -> dict[Key, Amount]:
    return {
        ((dimension, name),): Amount(Fraction(n), Fraction(d)) for name, (n, d) in parts.items()
    }


def split(dimension: str, **parts: tuple[int, int, int, int]) -> Split:
    before = side(dimension, **{name: four[:2] for name, four in parts.items()})
    now = side(dimension, **{name: four[2:] for name, four in parts.items()})
    found = split_ratio(before, now)
    assert found is not None
    return found


# One arm of three lost half of its clicks; every country lost alike.
ARMS = split(
    "variation",
    control=(410, 10_000, 410, 10_000),
    challenger_a=(410, 10_000, 200, 10_000),
    challenger_b=(410, 10_000, 410, 10_000),
)
COUNTRIES = split("country", DE=(1107, 27_000, 918, 27_000), FR=(123, 3000, 102, 3000))
ALONE = split("surface", home=(1230, 30_000, 1020, 30_000))


def test_the_dimension_of_the_arm_that_broke_explains_best() -> None:
    assert concentration(ARMS) == Fraction(2, 3)
    assert concentration(COUNTRIES) == 0
    assert most_telling([COUNTRIES, ALONE, ARMS]) is ARMS


def test_a_dimension_of_one_part_explains_nothing() -> None:
    assert most_telling([ALONE]) is None


def test_a_part_that_did_more_than_the_change_is_no_better_than_all_of_it() -> None:
    against = split("device", ios=(50, 1000, 10, 1000), web=(50, 1000, 80, 1000))
    assert concentration(against) == Fraction(1, 2)


def test_the_arm_that_broke_is_named_with_its_rates() -> None:
    assert sentences(ARMS, CTR) == (
        "−0.70 points against the week before (ctr 4.1 % → 3.4 %), by variation",
        "variation=challenger_a: −0.70 points (its ctr 4.1 % → 2 %)",
    )


def test_a_shift_of_shares_is_told_by_shares() -> None:
    shifted = split("device", ios=(20, 2000, 41, 4100), web=(400, 8000, 295, 5900))
    assert sentences(shifted, CTR) == (
        "−0.84 points against the week before (ctr 4.2 % → 3.36 %), by device",
        "device=ios: −0.58 points (share of impressions 20 % → 41 %)",
        "device=web: −0.26 points (share of impressions 80 % → 59 %)",
    )


def test_new_and_gone_are_said_to_be() -> None:
    lines = sentences(split("device", a=(50, 1000, 50, 1000), b=(0, 0, 10, 1000)), CTR)
    assert "device=b: −1.5 points (new: share of impressions 0 % → 50 %, its ctr 1 %)" in lines
    lines = sentences(split("device", a=(50, 1000, 50, 1000), b=(10, 1000, 0, 0)), CTR)
    assert "device=b: +1.5 points (gone: share of impressions 50 % → 0 %, its ctr 1 %)" in lines


def test_no_part_stands_out_where_all_fell_alike() -> None:
    assert sentences(COUNTRIES, CTR)[0].endswith("by country, no part stands out")


def test_a_count_is_told_by_counts() -> None:
    before = side("country", DE=(1204, 0), FR=(500, 0))
    now = side("country", DE=(310, 0), FR=(490, 0))
    assert sentences(split_count(before, now), COUNT) == (
        "−904 against the week before (impressions 1,704 → 800), by country",
        "country=DE: −894 (impressions 1,204 → 310)",
        "country=FR: −10 (impressions 500 → 490)",
    )


@pytest.mark.parametrize("unit", ["share", "ms", "number", "count"])
@given(data=st.data())
def test_the_lines_add_up_to_the_first_as_they_are_read(unit: str, data: st.DataObject) -> None:
    names = "abcdef"
    amounts = st.tuples(*[st.integers(0, 10**6)] * 4)
    parts = data.draw(st.fixed_dictionaries(dict.fromkeys(names, amounts)))
    before = side("x", **{name: (n, d + 1) for name, (n, d, _, _) in parts.items()})
    now = side("x", **{name: (n, d + 1) for name, (_, _, n, d) in parts.items()})
    found = split_ratio(before, now)
    assert found is not None
    first, *rest = sentences(found, Terms("m", unit, "d", "before"))
    read = [_figure(line.partition(": ")[2]) for line in rest]
    assert _figure(first) == sum(read)


def _figure(text: str) -> Fraction:
    match = re.match(r"[+−]?[0-9,.]+", text)
    assert match is not None
    return Fraction(match[0].replace(",", "").replace("−", "-"))
