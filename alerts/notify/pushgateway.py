"""A Prometheus Pushgateway: told of every run, not of every alert.

Its values never expire, so the times in them tell whether recwatch still runs:
`time() - recwatch_last_success_timestamp_seconds` is the age of the newest good run. A good run
replaces the group of its target, so that what no longer fires is gone; a run that failed adds its
failure and leaves the rest as it was.
"""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING
from urllib.error import HTTPError

from prometheus_client import CollectorRegistry, push_to_gateway, pushadd_to_gateway
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from alerts.notify import http
from alerts.notify.attempts import Answer, Patience, Persistence
from alerts.notify.message import Delivery
from alerts.notify.text import fit, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from alerts.notify.message import Parcel
    from alerts.notify.status import RunStatus, SeriesStatus

JOB = "recwatch"
_LABEL = 200

Family = GaugeMetricFamily


class PushgatewayReceiver:
    """Pushes the status of a run; alerts routed here are in it."""

    def __init__(
        self,
        url: str,
        patience: Patience,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url
        self._timeout = patience.timeout
        self._persistence = Persistence(patience, sleep)

    def push(self, status: RunStatus) -> Delivery:
        """Push the figures of one run, once; repeating it changes nothing."""
        return self._persistence.run(partial(self._attempt, status))

    def send(self, parcel: Parcel) -> Delivery:  # noqa: ARG002 - `push` tells what fires
        """Nothing to do: what fires is pushed with the status of the run."""
        return Delivery("delivered", "told with the status of the run")

    def find(self, parcel: Parcel) -> Delivery | None:
        """As good as sent."""
        return self.send(parcel)

    def _attempt(self, status: RunStatus) -> Answer:
        registry = CollectorRegistry()
        registry.register(_Figures(families(status)))
        push = push_to_gateway if status.ok else pushadd_to_gateway
        try:
            push(
                self._url,
                JOB,
                registry,
                grouping_key={"target": fit(one_line(status.target), _LABEL)},
                timeout=self._timeout,
                handler=_request,
            )
        except HTTPError as error:
            return http.refusal(error)
        return Answer(Delivery("delivered"))


def families(status: RunStatus) -> list[Family]:
    """The figures of a run. Of one that failed: that it did, when, and how long it took."""
    made = [
        _gauge("recwatch_last_run_ok", "Whether the last run evaluated the rules.", status.ok),
        _gauge("recwatch_last_run_timestamp_seconds", "When the last run ended.", status.finished),
        _gauge("recwatch_run_duration_seconds", "How long the last run took.", status.duration),
    ]
    if not status.ok:
        return made
    made += [
        _gauge(
            "recwatch_last_success_timestamp_seconds",
            "When the last run ended that evaluated the rules.",
            status.finished,
        ),
        _gauge("recwatch_rules_evaluated", "Rules of the last good run.", status.rules),
        _gauge(
            "recwatch_deliveries_outstanding",
            "Messages that no receiver has taken yet.",
            status.outstanding,
        ),
        _firing(status.series),
        _counts(status.series),
    ]
    if status.data_until is not None:
        made.append(
            _gauge(
                "recwatch_last_evaluation_data_timestamp_seconds",
                "The end of the newest data that was judged.",
                status.data_until,
            )
        )
    return made


def _gauge(name: str, text: str, value: float) -> Family:
    family = GaugeMetricFamily(name, text)
    family.add_metric([], float(value))
    return family


def _firing(series: Iterable[SeriesStatus]) -> Family:
    """A 1 for every series that fires; its labels with a prefix, so that none hides ours."""
    family = GaugeMetricFamily("recwatch_alert_state", "1 for a series that fires.")
    seen: set[frozenset[tuple[str, str]]] = set()
    for one in series:
        labels = {f"label_{name}": fit(one_line(value), _LABEL) for name, value in one.labels}
        labels |= {"rule": one.rule, "severity": one.severity}
        # Two series may differ in what cannot be written alone: a gateway refuses the same twice.
        key = frozenset(labels.items())
        if one.state == "firing" and key not in seen:
            seen.add(key)
            family.add_sample(family.name, labels, 1.0)
    return family


def _counts(series: Iterable[SeriesStatus]) -> Family:
    family = GaugeMetricFamily(
        "recwatch_series", "Series by rule and state.", labels=["rule", "state"]
    )
    counts = Counter((one.rule, one.state) for one in series)
    for (rule, state), count in sorted(counts.items()):
        family.add_metric([rule, state], count)
    return family


class _Figures(Collector):
    """Families that are there already, for a registry."""

    def __init__(self, made: list[Family]) -> None:
        self._made = made

    def collect(self) -> Iterator[Family]:
        """All of them."""
        yield from self._made


def _request(
    url: str,
    method: str,
    timeout: float | None,
    headers: list[tuple[str, str]],
    data: bytes,
) -> Callable[[], None]:
    """What prometheus-client calls to send: our own request, which follows no redirect."""

    def call() -> None:
        http.request(method, url, data, dict(headers), timeout or 0)

    return call
