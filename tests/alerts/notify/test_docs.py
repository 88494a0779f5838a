"""docs/receivers.md says what there is."""

import re
from dataclasses import fields
from pathlib import Path

from alerts.notify import Alert
from alerts.notify.attempts import Patience
from alerts.notify.document import document
from alerts.notify.pushgateway import families
from alerts.notify.status import RunStatus
from alerts.rules.destinations import RECEIVERS
from tests.alerts.notify.samples import SINGLE, parcel

TEXT = (Path(__file__).parents[3] / "docs" / "receivers.md").read_text()


def section(title: str) -> str:
    return TEXT.split(f"## {title}\n")[1].split("\n## ")[0]


def test_every_type_of_receiver() -> None:
    table = TEXT.split("## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(RECEIVERS)


def test_every_metric() -> None:
    run = RunStatus("dev", ok=True, finished=0, duration=0, data_until=0)
    told = set(re.findall(r"^\| `(recwatch_\w+)`", section("Pushgateway"), re.MULTILINE))
    assert told == {family.name for family in families(run)}
    failed = RunStatus("dev", ok=False, finished=0, duration=0)
    first_three = re.findall(r"^\| `(recwatch_\w+)`", section("Pushgateway"), re.MULTILINE)[:3]
    assert sorted(first_three) == sorted(family.name for family in families(failed))


def test_every_key_of_the_json() -> None:
    named = set(re.findall(r"`(\w+)`", section("File and webhook")))
    assert set(document(parcel(SINGLE))) <= named
    assert {field.name for field in fields(Alert)} | {"incident"} <= named


def test_the_bounds() -> None:
    patience = Patience()
    said = " ".join(section("Trying again").split())
    assert patience.attempts == 3
    assert f"pauses of {patience.backoff:g} and {2 * patience.backoff:g} seconds" in said
    assert f"ends after {patience.timeout:g} seconds" in said
    assert f"together are at most {patience.longest_wait:g} seconds" in said
    assert f"together {patience.longest:g}." in said
