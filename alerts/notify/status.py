"""What a run has to say of itself, for those who watch the watcher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from alerts.notify.message import Delivery, Severity


@dataclass(frozen=True)
class SeriesStatus:
    """One series of a rule after the run; `state` as it is remembered."""

    rule: str
    severity: Severity
    state: str
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class RunStatus:
    """One run.

    Attributes:
        target: The warehouse it was about; a group of its own at a Pushgateway.
        ok: Whether the rules were evaluated and the state written. Deliveries that are
            outstanding do not make a run fail: they have a figure of their own.
        finished: When it ended, in seconds since 1970.
        duration: Seconds it took.
        rules: How many rules were evaluated.
        data_until: The end of the newest data that was judged, in seconds since 1970; None where
            there is none.
        outstanding: Deliveries not made yet.
        series: Every series that was judged. Of a run that failed nothing but its failure counts.
    """

    target: str
    ok: bool
    finished: float
    duration: float
    rules: int = 0
    data_until: float | None = None
    outstanding: int = 0
    series: tuple[SeriesStatus, ...] = ()


class Watcher(Protocol):
    """Who is told of every run. Never raises."""

    def push(self, status: RunStatus) -> Delivery:
        """Tell of one run, trying again within bounds where that can help."""
        ...
