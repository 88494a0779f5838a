"""The split of a change: exact, whatever is new, gone or empty."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.explain import Amount, Key, Split, split_count, split_ratio

KEYS = st.sampled_from("abcdef").map(lambda value: (("device", value),))
WHOLE = st.integers(0, 10**9)
EXACT = st.fractions(min_value=-(10**6), max_value=10**6)
AMOUNTS = st.builds(Amount, EXACT, WHOLE.map(Fraction))
SIDES = st.dictionaries(KEYS, AMOUNTS, max_size=6)


def key(value: str) -> Key:
    return (("device", value),)


def side(**parts: tuple[int, int]) -> dict[Key, Amount]:
    return {key(name): Amount(Fraction(n), Fraction(d)) for name, (n, d) in parts.items()}


def ratio(amounts: dict[Key, Amount]) -> Fraction | None:
    over = sum((one.denominator for one in amounts.values()), Fraction(0))
    return sum((one.numerator for one in amounts.values()), Fraction(0)) / over if over else None


def split(before: dict[Key, Amount], now: dict[Key, Amount]) -> Split:
    found = split_ratio(before, now)
    assert found is not None
    return found


@given(SIDES, SIDES)
def test_parts_sum_exactly_to_the_change(before: dict[Key, Amount], now: dict[Key, Amount]) -> None:
    first, last = ratio(before), ratio(now)
    found = split_ratio(before, now)
    if first is None or last is None:
        assert found is None
        return
    assert found is not None
    assert (found.before, found.now) == (first, last)
    assert sum(part.rate + part.mix for part in found.parts) == last - first
    assert {part.key for part in found.parts} == {*before, *now}


@given(SIDES, SIDES)
def test_before_and_now_exchanged_give_the_same_with_the_other_sign(
    before: dict[Key, Amount], now: dict[Key, Amount]
) -> None:
    there, back = split_ratio(before, now), split_ratio(now, before)
    if there is None or back is None:
        assert there is back
        return
    for one, other in zip(there.parts, back.parts, strict=True):
        assert (one.rate, one.mix) == (-other.rate, -other.mix)


@given(SIDES, SIDES)
def test_a_constant_added_to_every_ratio_moves_nothing(
    before: dict[Key, Amount], now: dict[Key, Amount]
) -> None:
    def raised(side: dict[Key, Amount]) -> dict[Key, Amount]:
        return {key: Amount(n + 3 * d, d) for key, (n, d) in side.items()}

    one, other = split_ratio(before, now), split_ratio(raised(before), raised(now))
    if one is None or other is None:
        assert one is other
        return
    # A part without a denominator on either side has no ratio to raise: the same holds for it.
    for part, same in zip(one.parts, other.parts, strict=True):
        assert (part.rate, part.mix) == (same.rate, same.mix)


def test_by_the_formula() -> None:
    found = split(side(a=(10, 100), b=(60, 300)), side(a=(10, 200), b=(60, 200)))
    first, second = found.parts
    # a: 10 % → 5 %, share 1/4 → 1/2; b: 20 % → 30 %, share 3/4 → 1/2; all: 17.5 % → 17.5 %.
    assert (first.rate, second.rate) == (Fraction(-3, 160), Fraction(1, 16))
    assert first.mix == Fraction(1, 4) * (Fraction(3, 40) - Fraction(7, 40))
    assert second.mix == Fraction(-1, 4) * (Fraction(1, 4) - Fraction(7, 40))
    assert found.change == 0


def test_a_fall_of_one_part_is_its_rate_and_nobody_elses() -> None:
    found = split(side(a=(40, 1000), b=(40, 1000)), side(a=(40, 1000), b=(20, 1000)))
    assert [part.moved for part in found.parts] == [0, found.change]
    assert found.parts[1].mix == 0


@pytest.mark.parametrize("turned", [False, True])
def test_what_is_new_or_gone_did_it_all_by_mix(turned: bool) -> None:
    sides = side(a=(50, 1000)), side(a=(50, 1000), b=(0, 1000))
    found = split(*(reversed(sides) if turned else sides))
    assert [part.rate for part in found.parts] == [0, 0]
    assert sum(part.mix for part in found.parts) == found.change != 0


def test_a_numerator_without_a_denominator_counts_as_rate() -> None:
    found = split(side(a=(50, 1000)), side(a=(50, 1000), b=(10, 0)))
    assert (found.parts[1].rate, found.parts[1].mix) == (Fraction(1, 100), Fraction(0))
    assert found.change == Fraction(1, 100)


@given(SIDES, SIDES)
def test_of_a_count_each_part_is_its_difference(
    before: dict[Key, Amount], now: dict[Key, Amount]
) -> None:
    found = split_count(before, now)
    assert sum(part.rate for part in found.parts) == found.change
    assert all(part.mix == 0 for part in found.parts)
