"""Rules, episodes and incidents made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from alerts.backtest.truth import Incident, Truth
from alerts.demo.compare import Observed
from alerts.rules import DEFAULT_RULES, load_rules
from alerts.runner import Episode
from alerts.runner.evaluate import fingerprint

if TYPE_CHECKING:
    from alerts.rules import RuleSet

MONDAY = date(2025, 5, 26)


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def rules() -> RuleSet:
    return load_rules([DEFAULT_RULES])


def incident(**changed: Any) -> Incident:
    given: dict[str, Any] = {
        "id": "pdp-drop",
        "kind": "ctr_drop",
        "mart": "analytics.engagement_daily",
        "metric": "ctr",
        "surface": "pdp",
        "first_day": day(2),
        "last_day": day(4),
        "sentence": "It fell.",
    }
    return Incident(**(given | changed))


def episode(
    rule: str = "ctr-floor", surface: str = "pdp", first: int = 2, last: int = 4, **changed: Any
) -> Episode:
    labels = (("surface", surface),)
    given: dict[str, Any] = {
        "rule": rule,
        "labels": labels,
        "fingerprint": fingerprint(rule, labels),
        "severity": "warn",
        "first": day(first),
        "fired": day(first),
        "last": day(last),
        "breaches": 1,
        "worst": 0.01,
        "threshold": 0.04,
        "open": False,
    }
    return Episode(**(given | changed))


def of_shop(rule: str, surface: str, first: date, last: date, **changed: Any) -> Episode:
    """An episode of a rule that tells shops apart."""
    labels = (("namespace", "shop"), ("surface", surface))
    given: dict[str, Any] = {"labels": labels, "fingerprint": fingerprint(rule, labels)}
    moments = {"first": first, "fired": first, "last": last}
    return replace(episode(rule), **(given | moments | changed))


def truth(*incidents: Incident, **changed: Any) -> Truth:
    return Truth(incidents, **changed)


def observed(**changed: Any) -> Observed:
    given: dict[str, Any] = {"rows": {}, "rejected": {}}
    return Observed(**(given | changed))


def trial(kind: str = "srm", **changed: Any) -> dict[str, Any]:
    """An experiment of `truth.json` with which something is wrong from the third day on."""
    given = {
        "experiment_key": "redirect",
        "surfaces": ["home", "pdp"],
        "ended_at": None,
        "periods": [
            {
                "starts_at": "2025-05-26T00:00:00.000Z",
                "weights": {"control": 0.5, "treatment": 0.5},
                "restarts": False,
                "assigned_users": {"control": 1500, "treatment": 1200},
            }
        ],
        "mixed_users": {},
        "wrong": {
            "kind": kind,
            "since": "2025-05-28T00:00:00.000Z",
            "size": {},
            "sentence": "It loses users.",
        },
    }
    return given | changed


def of_trial(rule: str = "experiment-srm", first: int = 2, last: int = 4, **labels: str) -> Episode:
    """An episode of a rule on experiments."""
    named = tuple(({"experiment_key": "redirect"} | labels).items())
    return episode(rule, first=first, last=last, labels=named, fingerprint=fingerprint(rule, named))
