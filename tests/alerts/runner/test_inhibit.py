"""To whom alerts go, and which are held back because others explain them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from alerts.runner.inhibit import held_back
from alerts.runner.route import receivers_of, receivers_without_rule
from tests.alerts.runner.helpers import rule, ruleset

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.detectors import Labels


class Fires(NamedTuple):
    rule: str
    labels: Labels = ()

    @property
    def fingerprint(self) -> str:
        return f"{self.rule} {self.labels}"


def on(surface: str) -> Labels:
    return (("surface", surface),)


def held(tmp_path: Path, rules: list[dict[str, Any]], *firing: Fires) -> dict[str, set[str]]:
    loaded = {one.name: one for one in ruleset(tmp_path, *rules).rules}
    found = held_back(firing, loaded)
    return {name: {one.fingerprint for one in others} for name, others in found.items()}


def link(other: str, *labels: str) -> list[dict[str, Any]]:
    return [{"rule": other, "on": list(labels)}]


def test_only_labels_that_are_equal_hold_back(tmp_path: Path) -> None:
    rules = [rule(name="a"), rule(name="b", inhibited_by=link("a", "surface"))]
    cause, same, other = Fires("a", on("home")), Fires("b", on("home")), Fires("b", on("pdp"))
    assert held(tmp_path, rules, cause, same, other) == {same.fingerprint: {cause.fingerprint}}


def test_without_labels_each_alert_of_the_other_rule_counts(tmp_path: Path) -> None:
    rules = [rule(name="a"), rule(name="b", inhibited_by=link("a"))]
    cause, other = Fires("a", on("home")), Fires("b", on("pdp"))
    assert held(tmp_path, rules, cause, other) == {other.fingerprint: {cause.fingerprint}}


def test_a_label_that_where_fixes_counts_as_one(tmp_path: Path) -> None:
    rules = [
        rule(name="a"),
        rule(name="b", by=[], where={"surface": "home"}, inhibited_by=link("a", "surface")),
    ]
    cause, one = Fires("a", on("home")), Fires("b")
    assert held(tmp_path, rules, cause, one) == {one.fingerprint: {cause.fingerprint}}
    assert held(tmp_path, rules, Fires("a", on("pdp")), one) == {}


def test_what_is_held_back_holds_back(tmp_path: Path) -> None:
    rules = [
        rule(name="a"),
        rule(name="b", inhibited_by=link("a")),
        rule(name="c", inhibited_by=link("b")),
    ]
    a, b, c = Fires("a"), Fires("b"), Fires("c")
    assert held(tmp_path, rules, c, b, a) == {
        b.fingerprint: {a.fingerprint},
        c.fingerprint: {b.fingerprint},
    }


def test_those_that_only_hold_back_each_other_are_told(tmp_path: Path) -> None:
    rules = [
        rule(name="a", inhibited_by=link("b")),
        rule(name="b", inhibited_by=link("a")),
        rule(name="root"),
    ]
    assert held(tmp_path, rules, Fires("a"), Fires("b")) == {}
    rules[0]["inhibited_by"] += link("root")
    assert set(held(tmp_path, rules, Fires("a"), Fires("b"), Fires("root"))) == {
        Fires("a").fingerprint,
        Fires("b").fingerprint,
    }


TABLES = {"name": "fresh", "mart": "analytics.data_quality_daily", "by": ["source_table"]}
LATE = {**TABLES, "kind": "freshness", "when": "> 26h"}
BROKEN = {**TABLES, "kind": "quarantine", "when": "> 0.01"}


@pytest.mark.parametrize("cause", [LATE, BROKEN])
def test_a_late_or_broken_table_holds_back_the_rules_on_marts_made_of_it(
    tmp_path: Path, cause: dict[str, Any]
) -> None:
    rules = [cause, rule(inhibited_by=link("fresh"))]
    late = Fires("fresh", (("source_table", "personalization_metrics"),))
    elsewhere = Fires("fresh", (("source_table", "catalog_items"),))
    one = Fires("r", on("home"))
    assert held(tmp_path, rules, late, one) == {one.fingerprint: {late.fingerprint}}
    assert held(tmp_path, rules, elsewhere, one) == {}


ROUTES = """receivers:
  - {name: home, type: console}
  - {name: pages, type: console}
  - {name: rest, type: console}
routes:
  - {severity: page, match: {surface: home}, receiver: [home, pages]}
  - {severity: page, receiver: pages}
  - {match: {country: DE}, receiver: rest}
"""


@pytest.mark.parametrize(
    ("fields", "labels", "expected"),
    [
        ({"severity": "page"}, on("home"), ("home", "pages")),
        ({"severity": "page"}, on("pdp"), ("pages",)),
        ({"severity": "warn"}, on("home"), ("console",)),
        ({"severity": "warn", "where": {"country": "DE"}}, on("home"), ("rest",)),
        ({"severity": "page", "receiver": "rest"}, on("home"), ("rest",)),
        ({"receiver": ["rest", "home", "rest"]}, on("home"), ("rest", "home")),
    ],
)
def test_the_rules_own_receivers_then_the_first_route_then_console(
    tmp_path: Path, fields: dict[str, Any], labels: Labels, expected: tuple[str, ...]
) -> None:
    rules = ruleset(tmp_path, rule(**fields), receivers=ROUTES)
    assert receivers_of(rules.rules[0], labels, rules.routes) == expected


def test_what_is_of_no_rule_goes_by_the_routes_else_to_all_of_its_severity(tmp_path: Path) -> None:
    target = (("target", "prod"),)
    routed = ruleset(tmp_path, rule(severity="page", receiver="rest"), receivers=ROUTES)
    assert receivers_without_rule("page", target, routed) == ("pages",)
    named = [
        rule(severity="page", receiver=["a", "b"]),
        rule(name="p", severity="page", receiver="b"),
        rule(name="w", receiver="c"),
    ]
    listed = ", ".join(f"{{name: {name}, type: console}}" for name in "abc")
    unrouted = ruleset(tmp_path, *named, receivers=f"receivers: [{listed}]\n")
    assert receivers_without_rule("page", target, unrouted) == ("a", "b")
    assert receivers_without_rule("info", target, unrouted) == ("console",)
