"""The plan of an experiment: users, power and lift, from what is expected of the metric."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from alerts.errors import ConfigurationError
from alerts.experiments.power import (
    metric_lift,
    metric_power,
    metric_users,
    proportion_lift,
    proportion_power,
    proportion_users,
)
from alerts.experiments.results import Refusal

# Beside the lift and the power asked for, so that a plan is seen in its surroundings.
FACTORS = (0.5, 0.75, 1.0, 1.5, 2.0)
POWERS = (0.8, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        baseline: Level of the metric in the control arm: a rate between 0 and 1, or a mean.
        lift: Relative; None where only the least one is asked for.
        power: Chance to find the lift.
        alpha: Of the two-sided test; of all treatment arms together.
        design_effect: Of a rate: its variance over that of independent events.
        sd: Of a mean: standard deviation between users; None for a rate.
        users: Per arm, where these are given.
        arms: Control among them.
    """

    baseline: float
    lift: float | None
    power: float = 0.8
    alpha: float = 0.05
    design_effect: float = 1.0
    sd: float | None = None
    users: int | None = None
    arms: int = 2

    @property
    def alpha_per_arm(self) -> float:
        """Of one comparison with control: by Bonferroni, where Holm's adjustment begins."""
        return self.alpha / (self.arms - 1)

    def treatment(self, lift: float) -> float:
        """The level under a lift."""
        return self.baseline * (1 + lift)


@dataclass(frozen=True, slots=True)
class Cell:
    """Users per arm that find a lift with a power; or why none do."""

    lift: float
    power: float
    users_per_arm: int | Refusal


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer.

    Attributes:
        question: As asked.
        users_per_arm: Needed, or given.
        power: Of the lift asked for with these users; None where no lift was.
        detectable_lift: The least one that these users find with the power asked for; None where
            users were asked for, or with its reason.
        table: Users per arm by lift and power.
    """

    question: Question
    users_per_arm: int
    power: float | None
    detectable_lift: float | Refusal | None
    table: tuple[Cell, ...]


def plan(question: Question) -> Plan:
    """Users per arm; or, of given users, their power and the least lift that they find.

    Raises:
        ConfigurationError: What is asked makes no sense; the message names the flag.
    """
    _check(question)
    if question.users is None:
        if question.lift is None:
            raise ConfigurationError(
                "--lift is missing: the least lift worth finding, 0.03 for +3 %;"
                " or give --users, to see what these find"
            )
        needed = _number(_users(question, question.lift, question.power), question)
        table = _table(question, question.lift)
        return Plan(question, int(needed), question.power, None, table)
    least = _least(question, question.users)
    power = None
    if question.lift is not None:
        power = _number(_power(question, question.lift, question.users), question)
    around = question.lift if question.lift is not None else least
    table = () if isinstance(around, Refusal) else _table(question, around)
    return Plan(question, question.users, power, least, table)


def document(answer: Plan) -> dict[str, Any]:
    """The answer with the keys that docs/analyze.md explains."""
    question = answer.question
    least = answer.detectable_lift
    return {
        "kind": "rate" if question.sd is None else "mean",
        "baseline": question.baseline,
        "sd": question.sd,
        "lift": question.lift,
        "alpha": question.alpha,
        "alpha_per_arm": question.alpha_per_arm,
        "design_effect": question.design_effect,
        "arms": question.arms,
        "users_per_arm": answer.users_per_arm,
        "users": answer.users_per_arm * question.arms,
        "power": answer.power,
        "detectable_lift": None if isinstance(least, Refusal) else least,
        "detectable_lift_power": None if least is None else question.power,
        "reason": least.reason if isinstance(least, Refusal) else None,
        "table": [_cell(cell) for cell in answer.table],
    }


def _cell(cell: Cell) -> dict[str, Any]:
    found = cell.users_per_arm
    refused = isinstance(found, Refusal)
    return {
        "lift": cell.lift,
        "power": cell.power,
        "users_per_arm": None if refused else found,
        "reason": found.reason if isinstance(found, Refusal) else None,
    }


def _check(question: Question) -> None:
    """Refuse what the formulas would refuse, by the name of its flag."""
    baseline, sd = question.baseline, question.sd
    rules = [
        (0 < question.alpha < 1, f"--alpha {question.alpha:g}: must be between 0 and 1"),
        (
            question.alpha_per_arm / 2 < question.power < 1,
            f"--power {question.power:g}: must be between {question.alpha_per_arm / 2:g}"
            " (what chance alone finds) and 1",
        ),
        (
            math.isfinite(question.design_effect) and question.design_effect > 0,
            f"--design-effect {question.design_effect:g}: must be above 0; 1 is independent events",
        ),
        (
            sd is None or question.design_effect == 1,
            "--design-effect is for rates: the --sd of users holds it already",
        ),
        (
            sd is None or (math.isfinite(sd) and sd > 0),
            f"--sd {sd}: a standard deviation is above 0",
        ),
        (
            sd is not None or 0 < baseline < 1,
            f"--baseline {baseline:g}: a rate is between 0 and 1, 0.05 for 5 %;"
            " for a mean per user give its --sd",
        ),
        (
            math.isfinite(baseline) and baseline > 0,
            f"--baseline {baseline:g}: a lift is relative to a mean above 0",
        ),
    ]
    for holds, message in rules:
        if not holds:
            raise ConfigurationError(message)
    if question.lift is not None:
        _check_lift(question, question.lift)


def _check_lift(question: Question, lift: float) -> None:
    if not (math.isfinite(lift) and lift):
        raise ConfigurationError(f"--lift {lift:g}: must be a number other than 0, 0.03 for +3 %")
    if question.sd is None and not 0 <= question.treatment(lift) <= 1:
        raise ConfigurationError(
            f"--lift {lift:g}: {question.baseline:g} would become {question.treatment(lift):g},"
            " which is no rate; lifts are relative, 0.03 for +3 %"
        )


def _number(found: float | Refusal, question: Question) -> float:
    if isinstance(found, Refusal):
        raise ConfigurationError(f"--lift {question.lift:g}: {found.reason}")
    return found


def _users(question: Question, lift: float, power: float) -> int | Refusal:
    alpha = question.alpha_per_arm
    if question.sd is not None:
        return metric_users(question.baseline, question.sd**2, lift, alpha=alpha, power=power)
    return proportion_users(
        question.baseline, lift, alpha=alpha, power=power, design_effect=question.design_effect
    )


def _power(question: Question, lift: float, users: int) -> float | Refusal:
    alpha = question.alpha_per_arm
    if question.sd is not None:
        return metric_power(question.baseline, question.sd**2, lift, users, alpha=alpha)
    return proportion_power(
        question.baseline, lift, users, alpha=alpha, design_effect=question.design_effect
    )


def _least(question: Question, users: int) -> float | Refusal:
    alpha, power = question.alpha_per_arm, question.power
    if question.sd is not None:
        return metric_lift(question.baseline, question.sd**2, users, alpha=alpha, power=power)
    return proportion_lift(
        question.baseline,
        users,
        alpha=alpha,
        power=power,
        design_effect=question.design_effect,
    )


def _table(question: Question, lift: float) -> tuple[Cell, ...]:
    powers = sorted({*POWERS, question.power})
    # Nobody plans for a power that chance alone has.
    powers = [power for power in powers if power > question.alpha_per_arm / 2]
    return tuple(
        Cell(factor * lift, power, _users(question, factor * lift, power))
        for factor in FACTORS
        for power in powers
    )
