"""What Prometheus is told of a run: the figures, over a real connection and to a real gateway."""

import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from alerts.notify import Delivery
from alerts.notify.attempts import Patience
from alerts.notify.pushgateway import PushgatewayReceiver
from alerts.notify.status import RunStatus, SeriesStatus
from tests.alerts.notify.samples import CANARY, SINGLE, parcel
from tests.alerts.notify.server import Naps, Reply, Site, fake_site

QUICK = Patience(timeout=5)
FINE = Reply(202, b"")
HOME = (("surface", "home"),)
ODD = (("surface", '<!channel> "q" \\ \n \u202e \x00'), ("rule", "inner"))
RUN = RunStatus(
    target="dev",
    ok=True,
    finished=1_741_600_000.5,
    duration=2.5,
    rules=3,
    data_until=1_741_564_800.0,
    outstanding=4,
    series=(
        SeriesStatus("ctr", "page", "firing", HOME),
        SeriesStatus("ctr", "page", "normal", (("surface", "feed"),)),
        SeriesStatus("dwell", "warn", "firing", ODD),
        SeriesStatus("fresh", "warn", "no_data"),
    ),
)
FAILED = replace(RUN, ok=False, finished=1_741_700_000.0, series=())

Samples = dict[str, dict[frozenset[tuple[str, str]], float]]


def samples(text: str) -> Samples:
    """Values by name and labels, read as Prometheus reads them."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            found.setdefault(one.name, {})[frozenset(one.labels.items())] = one.value
    return found


def push(site: Site, status: RunStatus = RUN, patience: Patience = QUICK) -> Delivery:
    url = site.url.replace("http://", f"http://me:{CANARY}@")
    delivery = PushgatewayReceiver(url, patience, Naps().sleep).push(status)
    assert CANARY not in repr(delivery)
    return delivery


def test_a_good_run_replaces_the_group_of_its_target() -> None:
    with fake_site(FINE) as site:
        assert push(site) == Delivery("delivered")
    (request,) = site.seen
    assert (request.method, request.path) == ("PUT", "/metrics/job/recwatch/target/dev")
    assert request.headers["Authorization"].startswith("Basic ")
    told = samples(request.body.decode())
    nothing = frozenset[tuple[str, str]]()
    assert {name: values[nothing] for name, values in told.items() if nothing in values} == {
        "recwatch_last_run_ok": 1,
        "recwatch_last_run_timestamp_seconds": 1_741_600_000.5,
        "recwatch_run_duration_seconds": 2.5,
        "recwatch_last_success_timestamp_seconds": 1_741_600_000.5,
        "recwatch_rules_evaluated": 3,
        "recwatch_deliveries_outstanding": 4,
        "recwatch_last_evaluation_data_timestamp_seconds": 1_741_564_800,
    }
    odd = {"rule": "dwell", "severity": "warn", "label_rule": "inner"}
    odd["label_surface"] = '<!channel> "q" \\ \ufffd \ufffd'
    home = {"rule": "ctr", "severity": "page", "label_surface": "home"}
    assert told["recwatch_alert_state"] == {
        frozenset(home.items()): 1,
        frozenset(odd.items()): 1,
    }
    assert told["recwatch_series"] == {
        frozenset({("rule", "ctr"), ("state", "firing")}): 1,
        frozenset({("rule", "ctr"), ("state", "normal")}): 1,
        frozenset({("rule", "dwell"), ("state", "firing")}): 1,
        frozenset({("rule", "fresh"), ("state", "no_data")}): 1,
    }


def test_a_run_that_failed_adds_its_failure_and_no_success() -> None:
    with fake_site(FINE) as site:
        assert push(site, FAILED) == Delivery("delivered")
    (request,) = site.seen
    assert request.method == "POST"
    told = samples(request.body.decode())
    assert set(told) == {
        "recwatch_last_run_ok",
        "recwatch_last_run_timestamp_seconds",
        "recwatch_run_duration_seconds",
    }
    assert list(told["recwatch_last_run_ok"].values()) == [0]


def test_without_data_there_is_no_time_of_data() -> None:
    with fake_site(FINE) as site:
        push(site, replace(RUN, data_until=None))
    assert b"recwatch_last_evaluation_data" not in site.seen[0].body


@pytest.mark.parametrize("target", ["a b/c", "", "ünï", "x\x00y"])
def test_any_name_of_a_target_is_one_group(target: str) -> None:
    with fake_site(FINE) as site:
        assert push(site, replace(RUN, target=target)) == Delivery("delivered")
    assert len(site.seen[0].path.split("/")) == 6


def test_series_that_differ_only_in_what_cannot_be_told_are_one() -> None:
    same = tuple(
        SeriesStatus("r", "warn", "firing", (("name", f"{'x' * 300}{place}"),))
        for place in range(3)
    )
    with fake_site(FINE) as site:
        push(site, replace(RUN, series=same))
    assert site.seen[0].body.count(b"recwatch_alert_state{") == 1


@pytest.mark.parametrize(
    ("reply", "outcome", "seen"),
    [
        (Reply(400, CANARY.encode()), "refused", 1),
        (Reply(401, b""), "refused", 1),
        (Reply(302, b"", {"Location": "/x"}), "refused", 1),
        (Reply(503, b""), "retryable", 3),
        (Reply(drop=True), "retryable", 3),
    ],
)
def test_other_answers(reply: Reply, outcome: str, seen: int) -> None:
    with fake_site(reply) as site:
        assert push(site).outcome == outcome
    assert len(site.seen) == seen


def test_a_gateway_that_does_not_answer() -> None:
    with fake_site(Reply(hang=60)) as site:
        delivery = push(site, patience=Patience(attempts=1, timeout=0.5))
    assert delivery.detail == "no answer within 0.5 s"


def test_an_alert_that_is_routed_here_is_told_with_the_run() -> None:
    gateway = PushgatewayReceiver("http://127.0.0.1:9", QUICK)
    assert gateway.send(parcel(SINGLE)).outcome == "delivered"
    assert gateway.find(parcel(SINGLE)) == gateway.send(parcel(SINGLE))


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        text: str = response.read().decode()
    return text


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[str]:
    """A real Pushgateway."""
    program = shutil.which("prometheus-pushgateway") or shutil.which("pushgateway")
    if program is None:
        pytest.skip("no prometheus-pushgateway here (Debian: apt install prometheus-pushgateway)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, f"--web.listen-address=127.0.0.1:{port}"], stderr=log, stdout=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                _get(f"{url}/-/ready")
                break
            except OSError:
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_a_real_gateway_keeps_what_a_good_run_said(gateway: str) -> None:
    def told() -> Samples:
        return samples(_get(f"{gateway}/metrics"))

    def value(name: str, target: str = "dev") -> float:
        (one,) = [figure for labels, figure in told()[name].items() if ("target", target) in labels]
        return one

    receiver = PushgatewayReceiver(gateway, QUICK)
    assert receiver.push(RUN) == Delivery("delivered")
    assert receiver.push(replace(RUN, target="prod")) == Delivery("delivered")
    assert value("recwatch_last_success_timestamp_seconds") == RUN.finished
    firing = {
        dict(labels)["label_surface"]: dict(labels)["target"]
        for labels in told()["recwatch_alert_state"]
        if ("target", "dev") in labels
    }
    assert set(firing) == {"home", '<!channel> "q" \\ \ufffd \ufffd'}

    assert receiver.push(FAILED) == Delivery("delivered")
    assert value("recwatch_last_run_ok") == 0
    assert value("recwatch_last_run_ok", "prod") == 1
    assert value("recwatch_last_run_timestamp_seconds") == FAILED.finished
    assert value("recwatch_last_success_timestamp_seconds") == RUN.finished
    assert ("target", "dev") in {pair for key in told()["recwatch_alert_state"] for pair in key}

    quiet = replace(RUN, finished=1_741_800_000.0, series=())
    assert receiver.push(quiet) == Delivery("delivered")
    assert value("recwatch_last_run_ok") == 1
    assert value("recwatch_last_success_timestamp_seconds") == quiet.finished
    remaining = {pair for key in told()["recwatch_alert_state"] for pair in key}
    assert ("target", "dev") not in remaining
    assert ("target", "prod") in remaining
