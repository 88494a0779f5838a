"""The running experiments with their true effects, who is in which arm, and since when."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alerts.simulate.world import SURFACES, Bools, Floats, Ints, user_id

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alerts.simulate.options import Calendar

NO_EXPERIMENT = -1


@dataclass(frozen=True, slots=True)
class Arm:
    """A variation.

    Attributes:
        key: Its name.
        weight: Share of users.
        ctr_factor: True factor on the click probability against control.
        is_control: Whether others are compared with it.
    """

    key: str
    weight: float
    ctr_factor: float = 1.0
    is_control: bool = False


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment row.

    Attributes:
        key: Experiment key.
        name: For people.
        owner: Team.
        surfaces: Where it shows.
        arms: Its variations.
        starts_after: Share of the simulated days that pass before it starts; None for a draft.
    """

    key: str
    name: str
    owner: str
    surfaces: tuple[str, ...]
    arms: tuple[Arm, ...]
    starts_after: float | None

    def start_day(self, days: int) -> int | None:
        """Day number of the start, None for a draft."""
        return None if self.starts_after is None else int(days * self.starts_after)


EXPERIMENTS = (
    Experiment(
        key="blend_weights_v2",
        name="Blend weights v2",
        owner="relevance",
        surfaces=("home", "pdp", "cart"),
        arms=(Arm("baseline", 0.5, is_control=True), Arm("challenger_a", 0.5, ctr_factor=1.06)),
        starts_after=0.5,
    ),
    Experiment(
        key="ranker_aa",
        name="Ranker A/A",
        owner="ranking",
        surfaces=("for_you",),
        arms=(Arm("control", 0.5, is_control=True), Arm("treatment", 0.5)),
        starts_after=0.25,
    ),
    Experiment(
        key="diversity_rerank_v1",
        name="Diversity rerank",
        owner="relevance",
        surfaces=("for_you", "home"),
        arms=(Arm("control", 0.5, is_control=True), Arm("diverse", 0.5)),
        starts_after=None,
    ),
)
RUNNING = tuple(experiment for experiment in EXPERIMENTS if experiment.starts_after is not None)


def arm_of(experiment: Experiment, user: str) -> int:
    """The arm a user falls into: a hash of key and user id, so it sticks and can be reproduced."""
    digest = hashlib.blake2b(f"{experiment.key}:{user}".encode(), digest_size=8).digest()
    place = int.from_bytes(digest, "big") / 2.0**64
    reached = 0.0
    for index, arm in enumerate(experiment.arms):
        reached += arm.weight
        if place < reached:
            return index
    return len(experiment.arms) - 1


class Assignments:
    """Who is in which arm of the running experiments, and who has been logged already."""

    def __init__(self, users: int, days: int) -> None:
        ids = [user_id(number) for number in range(users)]
        self.arms: list[NDArray[np.int8]] = [
            np.fromiter((arm_of(experiment, user) for user in ids), dtype=np.int8, count=users)
            for experiment in RUNNING
        ]
        self.start_days = [experiment.start_day(days) or 0 for experiment in RUNNING]
        self._logged: list[Bools] = [np.zeros(users, dtype=np.bool_) for _ in RUNNING]
        self._on_surface = _experiment_by_surface()
        self._factors = [
            np.array([arm.ctr_factor for arm in experiment.arms]) for experiment in RUNNING
        ]

    def log_visits(self, day: int, user: Ints, start_ms: Ints) -> list[tuple[Ints, Ints]]:
        """Log the first visit since the start: per running experiment, users and times.

        Args:
            day: Day number of the visits.
            user: User of each visit, in order of time.
            start_ms: Start of each visit.
        """
        # The first place of each user is his earliest visit, as visits come in order of time.
        visitors, first = np.unique(user, return_index=True)
        logged = []
        for start_day, known in zip(self.start_days, self._logged, strict=True):
            new = ~known[visitors] if day >= start_day else np.zeros(len(visitors), dtype=np.bool_)
            known[visitors[new]] = True
            order = np.sort(first[new])
            logged.append((user[order], start_ms[order]))
        return logged

    def served(self, day: int, user: Ints, surface: Ints) -> tuple[Ints, Ints]:
        """Experiment (index into `RUNNING` or none) and arm of impressions of visits of `day`."""
        experiment = self._on_surface[surface]
        arm = np.zeros(len(user), dtype=np.int64)
        for index, (start_day, arms) in enumerate(zip(self.start_days, self.arms, strict=True)):
            here = experiment == index
            if day < start_day:
                experiment = np.where(here, NO_EXPERIMENT, experiment)
            else:
                arm[here] = arms[user[here]]
        return experiment, arm

    def ctr_factor(self, experiment: Ints, arm: Ints) -> Floats:
        """The true factor of each impression's arm."""
        factor = np.ones(len(arm))
        for index, factors in enumerate(self._factors):
            here = experiment == index
            factor[here] = factors[arm[here]]
        return factor


def _experiment_by_surface() -> Ints:
    """The running experiment of each surface, or none."""
    found = np.full(len(SURFACES), NO_EXPERIMENT, dtype=np.int64)
    for index, experiment in enumerate(RUNNING):
        for row, surface in enumerate(SURFACES):
            if surface.name in experiment.surfaces:
                found[row] = index
    return found


def truth(calendar: Calendar) -> list[dict[str, Any]]:
    """What `truth.json` says of the experiments."""
    told = []
    for experiment in EXPERIMENTS:
        start = experiment.start_day(calendar.days)
        told.append(
            {
                "experiment_key": experiment.key,
                "status": "draft" if start is None else "running",
                "surfaces": list(experiment.surfaces),
                "first_day": None if start is None else calendar.date(start).isoformat(),
                "weights": {arm.key: arm.weight for arm in experiment.arms},
                "control": next(arm.key for arm in experiment.arms if arm.is_control),
                "true_relative_ctr_lift": {
                    arm.key: round(arm.ctr_factor - 1, 6)
                    for arm in experiment.arms
                    if not arm.is_control
                },
            }
        )
    return told
