"""Who is in which arm of the running experiments, and since when that is logged.

Every choice is a hash of the experiment's key and the user's id: it sticks, can be reproduced, is
independent of the other experiments, and takes no number from any random stream.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from alerts.simulate.experiments import RUNNING, Experiment, nobody
from alerts.simulate.world import SURFACES, Floats, Ints, user_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NO_EXPERIMENT = -1
# In no arm: lost, not yet entered, or the experiment does not run.
OUTSIDE = -1
# A cookie is lost on one of these days after the start, the last one not included.
RESET_DAYS = (3, 21)


def place_of(key: str, user: str) -> float:
    """A place from 0 to 1 that depends on key and user alone."""
    digest = hashlib.blake2b(f"{key}:{user}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64


def arm_of(experiment: Experiment, user: str, period: int = 0) -> int:
    """The arm a user falls into while the weights of a period are in force."""
    places = np.array([place_of(_salt(experiment, period), user)])
    return int(_arms_at(experiment, places, period)[0])


def _salt(experiment: Experiment, period: int) -> str:
    """What is hashed with the user: the key, and after a restart which start it is."""
    restarts = sum(one.restarts for one in experiment.periods[: period + 1])
    return f"{experiment.key}#{restarts + 1}" if restarts else experiment.key


def _arms_at(experiment: Experiment, places: Floats, period: int) -> NDArray[np.int8]:
    reached = np.cumsum(experiment.periods[period].weights)
    found = np.searchsorted(reached, places, side="right")
    return np.minimum(found, len(reached) - 1).astype(np.int8)


@dataclass(slots=True)
class Logged:
    """What was logged of an experiment.

    Attributes:
        arms: Per period, users by arm, each where he was logged first.
        mixed: Users logged in a second arm since the last restart, by the first.
    """

    arms: list[Counter[str]] = field(default_factory=list)
    mixed: Counter[str] = field(default_factory=Counter)


class Seen(NamedTuple):
    """Users at instants, in order of time."""

    user: Ints
    at_ms: Ints

    def and_also(self, other: Seen) -> Seen:
        """Both, in order of time."""
        user, at_ms = (np.concatenate(both) for both in zip(self, other, strict=True))
        order = np.argsort(at_ms, kind="stable")
        return Seen(user[order], at_ms[order])


class NewlyLogged(NamedTuple):
    """Assignments that are logged: users, times and arms."""

    user: Ints
    at_ms: Ints
    arm: NDArray[np.int8]


class Members:
    """The members of one experiment, day after day.

    Attributes:
        logged: What was logged so far.
    """

    def __init__(self, experiment: Experiment, ids: Sequence[str], days: int) -> None:
        self.logged = Logged()
        self._experiment = experiment
        self._ends = experiment.end_day(days)
        self._begins = [day for day, _ in experiment.periods_within(days)]
        self._period = -1
        self._hashed = self._hash_arms(ids)
        # By user: the arm by which he was placed when logged first, and the one logged last.
        self._placed = np.full(len(ids), OUTSIDE, dtype=np.int8)
        self._last = np.full(len(ids), OUTSIDE, dtype=np.int8)
        self._enters, self._resets = self._hash_days(ids)
        self._lost = self._hash_lost(ids)
        self._day = -1
        self._today = np.full(len(ids), OUTSIDE, dtype=np.int8)

    def _hash_arms(self, ids: Sequence[str]) -> list[NDArray[np.int8]]:
        """The arm of each user, per period that begins."""
        places: dict[str, Floats] = {}
        found = []
        for period in range(len(self._begins)):
            salt = _salt(self._experiment, period)
            if salt not in places:
                places[salt] = _places(salt, ids)
            found.append(_arms_at(self._experiment, places[salt], period))
        return found

    def _hash_days(
        self, ids: Sequence[str]
    ) -> tuple[NDArray[np.int32] | None, NDArray[np.int32] | None]:
        """On which day each user enters, and on which he loses his cookie; None where none does."""
        experiment = self._experiment
        if not self._begins:
            return None, None
        enters = resets = None
        if experiment.entry_days:
            spread = _places(f"{experiment.key}:enters", ids) * experiment.entry_days
            enters = (self._begins[0] + spread).astype(np.int32)
        if experiment.reset_share:
            # A place below the share says at once who, and, spread out, when.
            place = _places(f"{experiment.key}:resets", ids) / experiment.reset_share
            first, stop = RESET_DAYS
            day = self._begins[0] + first + place * (stop - first)
            resets = np.where(place < 1, day, np.iinfo(np.int32).max).astype(np.int32)
        return enters, resets

    def _hash_lost(self, ids: Sequence[str]) -> NDArray[np.bool_] | None:
        """Who is never logged; None where nobody is lost."""
        arms = self._experiment.arms
        if not self._begins or all(arm.lost_share is nobody for arm in arms):
            return None
        share = np.array([arm.lost_share(len(ids)) for arm in arms])
        return _places(f"{self._experiment.key}:lost", ids) < share[self._hashed[0]]

    def on(self, day: int) -> NDArray[np.int8]:
        """The arm of every user on a day, or outside; days must come in order."""
        if day != self._day:
            self._day = day
            self._begin(day)
            self._today = self._arms()
        return self._today

    def _begin(self, day: int) -> None:
        """Go on to the period of a day."""
        while self._period + 1 < len(self._begins) and self._begins[self._period + 1] <= day:
            self._period += 1
            self.logged.arms.append(Counter())
            if self._experiment.periods[self._period].restarts:
                self._placed[:] = self._last[:] = OUTSIDE
                self.logged.mixed.clear()

    def _arms(self) -> NDArray[np.int8]:
        is_over = self._ends is not None and self._day >= self._ends
        if self._period < 0 or is_over:
            return np.full(len(self._last), OUTSIDE, dtype=np.int8)
        arm = self._place_now()
        if self._resets is not None:
            arm = np.where(self._day >= self._resets, 1 - arm, arm).astype(np.int8)
        if self._lost is not None:
            arm[self._lost] = OUTSIDE
        if self._enters is not None:
            arm[self._enters > self._day] = OUTSIDE
        return arm

    def _place_now(self) -> NDArray[np.int8]:
        """The arm each user is placed in: that in which he was, else by the present weights."""
        hashed = self._hashed[self._period]
        return np.where(self._placed == OUTSIDE, hashed, self._placed).astype(np.int8)

    def log(self, day: int, seen: Seen) -> NewlyLogged:
        """Log the first time each user is seen in an arm in which he was not before."""
        arm = self.on(day)
        # The first place of each user is his earliest, as they come in order of time.
        users, first = np.unique(seen.user, return_index=True)
        new = (arm[users] != OUTSIDE) & (arm[users] != self._last[users])
        rows = np.sort(first[new])
        user = seen.user[rows]
        if len(user):
            self._count(user, arm[user])
            hashed = self._hashed[self._period][user]
            placed = self._placed[user]
            self._placed[user] = np.where(placed == OUTSIDE, hashed, placed)
            self._last[user] = arm[user]
        return NewlyLogged(user, seen.at_ms[rows], arm[user])

    def _count(self, user: Ints, arm: NDArray[np.int8]) -> None:
        keys = [one.key for one in self._experiment.arms]
        before = self._last[user]
        self.logged.arms[-1].update(keys[one] for one in arm[before == OUTSIDE].tolist())
        self.logged.mixed.update(keys[one] for one in before[before != OUTSIDE].tolist())


def _places(key: str, ids: Sequence[str]) -> Floats:
    return np.fromiter((place_of(key, user) for user in ids), dtype=np.float64, count=len(ids))


class ShopFactors(NamedTuple):
    """True factors of the arms a request's user is in, all experiments of the shop together."""

    click: Floats
    slow: Floats


class Assignments:
    """Who is in which arm of the running experiments.

    Attributes:
        members: Of each experiment, in the order of `RUNNING`.
    """

    def __init__(self, users: int, days: int) -> None:
        ids = [user_id(number) for number in range(users)]
        self.members = [Members(experiment, ids, days) for experiment in RUNNING]
        self._carried = _carried_by_surface()

    def log(self, day: int, app: Seen, shop: Seen) -> list[NewlyLogged]:
        """What the visits of a day log, per running experiment.

        An experiment of the shop is also logged by the shop's requests.

        Args:
            day: Day number of the visits.
            app: Visits of the app.
            shop: Requests of the shop.
        """
        both = app.and_also(shop)
        return [
            members.log(day, both if experiment.source == "shop_events" else app)
            for experiment, members in zip(RUNNING, self.members, strict=True)
        ]

    def logged(self) -> dict[str, Logged]:
        """What was logged so far, by experiment."""
        pairs = zip(RUNNING, self.members, strict=True)
        return {experiment.key: members.logged for experiment, members in pairs}

    def served(self, day: int, user: Ints, surface: Ints) -> tuple[Ints, Ints]:
        """Experiment (index into `RUNNING` or none) and arm that rows of visits of `day` name."""
        experiment = self._carried[surface]
        arm = np.zeros(len(user), dtype=np.int64)
        for index, members in enumerate(self.members):
            here = np.flatnonzero(experiment == index)
            if len(here):
                found = members.on(day)[user[here]]
                arm[here] = np.maximum(found, 0)
                experiment[here[found == OUTSIDE]] = NO_EXPERIMENT
        return experiment, arm

    def ctr_factor(self, experiment: Ints, arm: Ints) -> Floats:
        """The true factor of the arm that each impression names."""
        factor = np.ones(len(arm))
        for index, running in enumerate(RUNNING):
            factors = np.array([one.ctr_factor for one in running.arms])
            if (factors != 1).any():
                here = experiment == index
                factor[here] = factors[arm[here]]
        return factor

    def shop_factors(self, day: int, user: Ints, surface: Ints) -> ShopFactors:
        """The true factors of requests on visits of `day`."""
        found = ShopFactors(np.ones(len(user)), np.ones(len(user)))
        for experiment, members in zip(RUNNING, self.members, strict=True):
            if experiment.source != "shop_events":
                continue
            arm = members.on(day)[user]
            inside = _shows_on(experiment)[surface] & (arm != OUTSIDE)
            here = arm[inside]
            found.click[inside] *= np.array([one.ctr_factor for one in experiment.arms])[here]
            found.slow[inside] *= np.array([one.slow_factor for one in experiment.arms])[here]
        return found


class Names(NamedTuple):
    """What rows say of the experiment that they are a part of; None where there is none."""

    keys: list[str | None]
    variations: list[str | None]


def names_of(experiment: Ints, arm: Ints) -> Names:
    """The names of these experiments (indices into `RUNNING`, or none) and arms."""
    most = max(len(running.arms) for running in RUNNING)
    keys: list[str | None] = [running.key for running in RUNNING for _ in range(most)]
    variations: list[str | None] = [None] * len(keys)
    for index, running in enumerate(RUNNING):
        for place, one in enumerate(running.arms):
            variations[index * most + place] = one.key
    # None comes last.
    code = np.where(experiment == NO_EXPERIMENT, len(keys), experiment * most + arm)
    by_code = (np.array([*names, None], dtype=object) for names in (keys, variations))
    return Names(*(names[code].tolist() for names in by_code))


def _shows_on(experiment: Experiment) -> NDArray[np.bool_]:
    """On which surfaces an experiment shows."""
    return np.array([surface.name in experiment.surfaces for surface in SURFACES])


def _carried_by_surface() -> Ints:
    """The running experiment that rows of each surface name, or none."""
    found = np.full(len(SURFACES), NO_EXPERIMENT, dtype=np.int64)
    for index, experiment in enumerate(RUNNING):
        if experiment.carried:
            found[_shows_on(experiment)] = index
    return found
