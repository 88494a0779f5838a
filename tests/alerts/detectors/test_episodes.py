"""Runs of breaches, against a plain reference on random histories."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerts.detectors import Limit, Outcome, Point, Run, Verdict, runs, standing

START = date(2025, 1, 1)
LIMIT = Limit("<", 0.5)
LETTERS: dict[str, Outcome] = {"b": "breach", "o": "ok", "n": "no_data", "t": "too_few"}


def history(letters: str, values: list[float] | None = None) -> list[Verdict]:
    verdicts = []
    for i, letter in enumerate(letters):
        value = values[i] if values else 0.1
        day = START + timedelta(days=i)
        verdicts.append(Verdict(day, LETTERS[letter], value, Point(value, 1)))
    return verdicts


def at(offset: int) -> date:
    return START + timedelta(days=offset)


def summary(
    letters: str, needed: int, within: int | None = None
) -> list[tuple[int, int, int | None, bool]]:
    def offset(day: date | None) -> int | None:
        return None if day is None else (day - START).days

    found = runs(history(letters), needed, LIMIT, within)
    return [((r.first - START).days, (r.last - START).days, offset(r.fired), r.open) for r in found]


def test_an_episode_fires_when_it_is_long_enough() -> None:
    assert summary("obbbo", 1) == [(1, 3, 1, False)]
    assert summary("obbbo", 2) == [(1, 3, 2, False)]
    assert summary("obbbo", 4) == [(1, 3, None, False)]
    assert summary("bob", 1) == [(0, 0, 0, False), (2, 2, 2, True)]


def test_what_cannot_be_judged_neither_ends_a_run_nor_counts() -> None:
    assert summary("bnb", 2) == [(0, 2, 2, True)]
    assert summary("btn", 2) == [(0, 0, None, True)]
    assert summary("bbnno", 2) == [(0, 1, 1, False)]


def test_breaches_of_a_short_bucket_count_for_a_while_only() -> None:
    assert summary("bbbnnnb", 4, 8) == [(0, 6, 6, True)]
    assert summary("bbb" + "n" * 90 + "bbb", 4, 8) == [(93, 95, None, True)]
    assert summary("bbb" + "n" * 90 + "bbbb", 4, 8) == [(93, 96, 96, True)]
    assert summary("bnnnbnnnbnnnb", 4, 8) == [(8, 12, None, True)]
    assert summary("bbb" + "t" * 90 + "bo", 4, 8) == [(93, 93, None, False)]


def test_what_has_fired_is_held_however_long_nothing_can_be_judged() -> None:
    assert summary("bbbb" + "n" * 90 + "b", 4, 8) == [(0, 94, 3, True)]


def state(letters: str, needed: int = 1) -> tuple[str, date | None]:
    verdicts = history(letters)
    now = standing(verdicts, runs(verdicts, needed, LIMIT))
    return now.state, now.since


def test_the_state_is_that_of_the_newest_bucket() -> None:
    assert state("obb") == ("firing", at(1))
    assert state("obb", 3) == ("pending", at(1))
    assert state("bbo") == ("ok", None)
    assert state("obnn") == ("no_data", at(2))
    assert state("obntt") == ("too_few", at(3))
    assert state("obnb", 2) == ("firing", at(1))
    assert state("") == ("no_data", None)


def test_silence_holds_a_firing_run_and_says_so() -> None:
    verdicts = history("obbn")
    held = standing(verdicts, runs(verdicts, 2, LIMIT)).run
    assert held is not None
    assert (held.first, held.fired, held.open) == (at(1), at(2), True)
    verdicts = history("obon")
    assert standing(verdicts, runs(verdicts, 1, LIMIT)).run is None


def test_the_worst_value_is_on_the_wrong_side() -> None:
    verdicts = history("bbb", [0.3, 0.1, 0.2])
    assert runs(verdicts, 1, LIMIT)[0].worst == 0.1
    assert runs(verdicts, 1, Limit(">=", 0.0))[0].worst == 0.3


def plain(
    letters: str, needed: int, within: int | None = None
) -> list[tuple[int, int, int | None, bool]]:
    """The same by another way: cut at every `o`, look at the places of `b` in each part."""
    found = []
    place = 0
    parts = letters.split("o")
    reach = within or len(letters) + 1
    for number, part in enumerate(parts):
        breaches = [place + i for i, letter in enumerate(part) if letter == "b"]
        if breaches:
            last = breaches[-1]
            ways = zip(breaches, breaches[needed - 1 :], strict=False)
            fired = next(((one, b) for one, b in ways if b - one < reach), None)
            recent = [b for b in breaches if last - b < reach]
            first, when = fired or (recent[0], None)
            found.append((first, last, when, number == len(parts) - 1))
        place += len(part) + 1
    return found


@given(st.text(alphabet="bont", max_size=40), st.integers(1, 5), st.none() | st.integers(1, 9))
def test_runs_equal_the_plain_reference(letters: str, needed: int, within: int | None) -> None:
    assert summary(letters, needed, within) == plain(letters, needed, within)


@given(st.text(alphabet="bont", min_size=1, max_size=40), st.integers(1, 5))
def test_the_state_follows_from_the_letters(letters: str, needed: int) -> None:
    expected = {"n": "no_data", "t": "too_few", "o": "ok"}.get(letters[-1])
    if expected is None:
        breaches = letters[letters.rfind("o") + 1 :].count("b")
        expected = "firing" if breaches >= needed else "pending"
    assert state(letters, needed)[0] == expected


@given(st.text(alphabet="bont", max_size=40), st.integers(1, 4), st.integers(0, 40))
def test_history_never_changes_when_time_goes_on(letters: str, needed: int, cut: int) -> None:
    """Closed runs seen at an earlier moment are the same later."""
    early = [run for run in runs(history(letters[:cut]), needed, LIMIT) if not run.open]
    late: list[Run] = runs(history(letters), needed, LIMIT)
    assert late[: len(early)] == early


def kept(letters: str, keep: int, needed: int = 1) -> list[tuple[int, int, int | None]]:
    def offset(day: date | None) -> int | None:
        return None if day is None else (day - START).days

    found = runs(history(letters), needed, LIMIT, keep=keep)
    return [((r.first - START).days, (r.last - START).days, offset(r.ended)) for r in found]


def test_what_fires_recovers_until_it_has_been_fine_for_long_enough() -> None:
    assert kept("boobooo", 3) == [(0, 3, 6)]
    assert kept("boobooo", 2) == [(0, 0, 2), (3, 3, 5)]
    # What cannot be judged is not fine, and does not begin the count anew either.
    assert kept("bonnoto", 3) == [(0, 0, 6)]
    # What has not fired ends with the first fine bucket.
    assert kept("bobbo", 3, needed=2) == [(0, 0, 1), (2, 3, None)]


def test_recovering_is_a_state_since_the_first_breach() -> None:
    verdicts = history("obboo")
    found = runs(verdicts, 1, LIMIT, keep=3)
    now = standing(verdicts, found)
    assert (now.state, now.since, now.run) == ("recovering", at(1), found[-1])
    assert (found[-1].fine, found[-1].open, found[-1].ended) == (2, True, None)
    assert standing(history("obbooo"), runs(history("obbooo"), 1, LIMIT, keep=3)).state == "ok"


def test_the_two_sides_are_episodes_of_their_own() -> None:
    sides = [1, 1, -1, -1, -1]
    verdicts = [one._replace(side=side) for one, side in zip(history("bbbbb"), sides, strict=True)]
    above, below = runs(verdicts, 2, LIMIT)
    assert (above.first, above.last, above.open, above.ended) == (at(0), at(1), False, at(2))
    assert (below.first, below.fired, below.open) == (at(2), at(3), True)
    turning = [one._replace(side=1 - 2 * (n % 2)) for n, one in enumerate(history("bbbbbb"))]
    assert all(run.fired is None for run in runs(turning, 2, LIMIT))


def test_the_worst_of_two_sides_is_the_furthest() -> None:
    limit = Limit(">", 2.0, two_sided=True)
    verdicts = history("bbb", [-3.0, -5.0, -4.0])
    assert runs(verdicts, 1, limit)[0].worst == -5.0
    assert (limit.breached(-2.1), limit.breached(2.1), limit.breached(-2.0)) == (True, True, False)
