"""A figure of the table: how it is drawn, summarized and held against its bound."""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Floats = npt.NDArray[np.float64]

# Runs drawn at once: 4,000 users each stay within the processor's cache and a few tens of MB.
CHUNK = 100


@dataclass(frozen=True)
class Summary:
    """What the runs say.

    Attributes:
        value: The figure.
        mc_error: Its standard error over runs.
        beside: What is published with it, in words.
        sound: False where a test beside the value (KS) fails.
    """

    value: float
    mc_error: float
    beside: str = ""
    sound: bool = True


@dataclass(frozen=True)
class Bound:
    """Between which values a figure must lie; None where it need not.

    `errors` allows that many Monte-Carlo errors to either side, as a nominal rate needs.
    """

    low: float | None = None
    high: float | None = None
    errors: float = 0.0

    def holds(self, summary: Summary, errors: float = 0.0) -> bool:
        """Whether the value lies between the bounds, give or take the errors."""
        slack = max(errors, self.errors) * summary.mc_error
        return (
            summary.sound
            and (self.low is None or summary.value >= self.low - slack)
            and (self.high is None or summary.value <= self.high + slack)
        )


PUBLISHED = Bound()


@dataclass(frozen=True)
class Spec:
    """How a figure is made.

    Attributes:
        name: What is measured.
        setting: Users, looks, and the tail of what they do, in words.
        sample: Draws runs and returns a row of outcomes for each.
        summarize: From all rows to the figure.
        bound: What it must be.
        percent: Whether value and error read as percentages.
        share: Of the runs asked for; slow simulations take fewer.
    """

    name: str
    setting: str
    sample: Callable[[np.random.Generator, int], Floats]
    summarize: Callable[[Floats], Summary]
    bound: Bound
    percent: bool = True
    share: float = 1.0

    def runs(self, asked: int) -> int:
        """How many are made of those asked for."""
        return max(1, round(asked * self.share))


@dataclass(frozen=True)
class Figure:
    """A line of the table.

    Attributes:
        spec: How it was made.
        runs: Simulated experiments (or series-years) behind it.
        seed: Of the random numbers; the same seed gives the same figure on any number of processes.
        summary: What came out.
    """

    spec: Spec
    runs: int
    seed: int
    summary: Summary

    @property
    def holds(self) -> bool:
        """Whether it is what it must be."""
        return self.spec.bound.holds(self.summary)

    @property
    def is_refuted(self) -> bool:
        """Whether it misses its bound by more than three Monte-Carlo errors: few runs can tell."""
        return not self.spec.bound.holds(self.summary, errors=3.0)


def rate(outcomes: Floats) -> Summary:
    """The share of runs with an outcome of 1."""
    runs = len(outcomes)
    # As if there had been one run more of each kind: of no event at all the error is not 0.
    near = (float(outcomes.sum()) + 1) / (runs + 2)
    return Summary(float(outcomes.mean()), math.sqrt(near * (1 - near) / runs))


def mean(outcomes: Floats) -> Summary:
    """The mean over runs."""
    return Summary(float(outcomes.mean()), float(outcomes.std(ddof=1) / math.sqrt(len(outcomes))))


def measure(specs: Sequence[Spec], runs: int, seed: int, processes: int = 1) -> Iterator[Figure]:
    """The figures one by one, each over `runs` runs (times its share)."""
    if processes == 1:
        for spec in specs:
            parts = [_part(spec, *task) for task in _tasks(spec, runs, seed)]
            yield Figure(spec, spec.runs(runs), seed, spec.summarize(np.concatenate(parts)))
        return
    # Spawned: a fork of a process with threads, as numpy's are, may hang.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = [
            [pool.submit(_part, spec, *task) for task in _tasks(spec, runs, seed)] for spec in specs
        ]
        for spec, waiting in zip(specs, futures, strict=True):
            outcomes = np.concatenate([future.result() for future in waiting])
            yield Figure(spec, spec.runs(runs), seed, spec.summarize(outcomes))


def _tasks(spec: Spec, runs: int, seed: int) -> list[tuple[np.random.SeedSequence, int]]:
    """Random numbers and how many runs, chunk by chunk.

    The name is part of the seed, so that a figure does not depend on which others are made.
    """
    left = spec.runs(runs)
    sizes = [min(CHUNK, left - start) for start in range(0, left, CHUNK)]
    seeds = np.random.SeedSequence([seed, *spec.name.encode()]).spawn(len(sizes))
    return list(zip(seeds, sizes, strict=True))


def _part(spec: Spec, seed: np.random.SeedSequence, runs: int) -> Floats:
    return spec.sample(np.random.default_rng(seed), runs)
