"""A new experiment as a row of the raw table `experiments`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from alerts.experiments.guardrail_file import Settings

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a new experiment is to be.

    Attributes:
        key: Experiment key.
        name: For people.
        owner: Who answers for it.
        arms: Weight by arm, in order.
        control: Which of them.
        source: personalization_metrics or shop_events.
        surfaces: Where it shows; empty for everywhere.
        primary: Primary metrics.
        horizon_users: Planned users, all arms; None for none.
        latency_threshold_ms: For `over_threshold_rate`; None for none.
        starts_at: When it starts; None for a draft.
        ends_at: When it ends; None for open.
    """

    key: str
    name: str
    owner: str | None
    arms: Mapping[str, float]
    control: str
    source: str
    surfaces: tuple[str, ...]
    primary: tuple[str, ...]
    horizon_users: int | None
    latency_threshold_ms: float | None
    starts_at: datetime | None
    ends_at: datetime | None


def check_key(key: str) -> None:
    """An error where a key is none."""
    if not _KEY.fullmatch(key):
        msg = f"experiment key {key!r}: letters, digits, '_', '.' and '-' only, 100 at most"
        raise ConfigurationError(msg)


def read_arms(text: str) -> dict[str, float]:
    """`control:0.5,treatment:0.5` as weights by arm.

    Raises:
        ConfigurationError: Not so written, an arm twice, fewer than two arms with a weight.
    """
    arms: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = part.strip().rpartition(":")
        if not re.fullmatch(r"\d+(\.\d+)?|\.\d+", weight) or not _KEY.fullmatch(name):
            msg = f"--arms: {part.strip()!r}: write arms such as control:0.5,treatment:0.5"
            raise ConfigurationError(msg)
        if name in arms:
            raise ConfigurationError(f"--arms: the arm {name!r} is given twice")
        arms[name] = float(weight)
    if sum(weight > 0 for weight in arms.values()) < 2:
        raise ConfigurationError("--arms: at least two arms must have a weight above 0")
    return arms


def row_of(draft: Draft, settings: Settings, now: datetime) -> dict[str, Any]:
    """The row, with the guardrail file's defaults written out: later changes there do not count.

    Raises:
        ConfigurationError: The control is no arm or has no weight, or it ends before it starts.
    """
    if not draft.arms.get(draft.control):
        listed = ", ".join(draft.arms)
        msg = f"--control: {draft.control!r} must be an arm with a weight: one of {listed}"
        raise ConfigurationError(msg)
    if draft.ends_at and (draft.starts_at is None or draft.ends_at <= draft.starts_at):
        raise ConfigurationError("--ends-at must be later than --starts-at")
    primary: Any = draft.primary[0] if len(draft.primary) == 1 else list(draft.primary)
    config: dict[str, Any] = {
        "source": draft.source,
        "primary_metric": primary,
        "min_duration_days": _short(settings.min_duration_days),
        "guardrails": [
            {"name": one.name, "direction": one.direction, "threshold": str(one.threshold)}
            for one in settings.guardrails
        ],
    }
    if draft.surfaces:
        config["surfaces"] = list(draft.surfaces)
    if draft.horizon_users is not None:
        config["horizon_users"] = draft.horizon_users
    if draft.latency_threshold_ms is not None:
        config["latency_threshold_ms"] = _short(draft.latency_threshold_ms)
    return {
        "experiment_key": draft.key,
        "name": draft.name,
        "status": "draft" if draft.starts_at is None else "running",
        "variations": [
            {"key": arm, "weight": weight, "is_control": arm == draft.control}
            for arm, weight in draft.arms.items()
        ],
        "started_at": _time(draft.starts_at),
        "ended_at": _time(draft.ends_at),
        "config": config,
        "owner": draft.owner,
        "updated_at": _time(now),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _short(number: float | None) -> float | int | None:
    """14.0 as 14."""
    return int(number) if number is not None and float(number).is_integer() else number
