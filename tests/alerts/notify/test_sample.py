"""The message `recwatch doctor --send` sends says that it is a test."""

import json

import pytest

from alerts.notify.message import SEVERITIES, Severity
from alerts.notify.pagerduty_event import action, dedup_key
from alerts.notify.sample import sample
from alerts.notify.slack_payload import payload


@pytest.mark.parametrize("severity", SEVERITIES)
def test_it_says_that_it_is_a_test_wherever_it_is_read(severity: Severity) -> None:
    message = sample(severity)
    assert "test" in message.headline.lower()
    assert "test" in message.alerts[0].summary.lower()
    assert json.dumps(payload(message)).lower().count("test") >= 2


def test_the_incident_it_opens_can_be_closed() -> None:
    (opened,), (closed,) = sample("page").alerts, sample("page", "resolved").alerts
    assert dedup_key(opened) == dedup_key(closed)
    assert (action(opened), action(closed)) == ("trigger", "resolve")
