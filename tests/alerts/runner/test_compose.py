"""Transitions into messages: what is said of each kind, to whom, and when they are grouped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from alerts.runner import Episode, Evaluation
from alerts.runner.compose import Context, Outgoing, compose
from alerts.runner.evaluate import fingerprint
from alerts.runner.inhibit import suppressed
from alerts.runner.why import Why
from alerts.state.model import Transition
from alerts.state.silence import Silence
from tests.alerts.runner.helpers import day, rule, ruleset
from tests.alerts.runner.test_messages import result

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.detectors import Labels
    from alerts.notify import Alert
    from alerts.runner import Result

HOME: Labels = (("surface", "home"),)
NOW = datetime(2025, 3, 10, tzinfo=UTC)


def of(name: str = "r", labels: Labels = HOME, **fields: Any) -> Result:
    return result(rule=name, labels=labels, fingerprint=fingerprint(name, labels), **fields)


def change(kind: str = "firing", of_: Result | None = None, **fields: Any) -> Transition:
    about = of_ or of()
    given: dict[str, Any] = {
        "severity": about.severity,
        "episode": 2,
        "kind": kind,
        "at": about.until,
        "since": day(2),
        "value": about.value,
        "reason": about.reason,
    }
    return Transition(about.fingerprint, about.rule, about.labels, **{**given, **fields})


def span(**fields: Any) -> Episode:
    given: dict[str, Any] = {
        "rule": "r",
        "labels": HOME,
        "fingerprint": fingerprint("r", HOME),
        "severity": "warn",
        "first": day(2),
        "fired": day(2),
        "last": day(4),
        "breaches": 3,
        "worst": 0.02,
        "threshold": 0.04,
        "open": False,
    }
    return Episode(**{**given, **fields})


def composed(
    tmp_path: Path,
    *changes: Transition,
    rules: tuple[dict[str, Any], ...] = (),
    results: tuple[Result, ...] = (),
    receivers: str = "",
    **context: Any,
) -> list[Outgoing]:
    loaded = ruleset(tmp_path, *(rules or (rule(playbook="Do that.\n"),)), receivers=receivers)
    evaluation = Evaluation(None, results or (of(),), (span(),))
    return compose(changes, Context(evaluation, loaded, **context))


def alert(tmp_path: Path, *changes: Transition, **context: Any) -> Alert:
    (outgoing,) = composed(tmp_path, *changes, **context)
    (found,) = outgoing.message.alerts
    return found


def test_what_fires_is_told_with_all_its_parts(tmp_path: Path) -> None:
    now = of(recent=(0.05, None, 0.03))
    why = Why(("−1 points against the week before",), "a note")
    (outgoing,) = composed(
        tmp_path, change(), results=(now,), why={now.fingerprint: why}, flags=["--target", "prod"]
    )
    assert outgoing.receiver == "console"
    assert outgoing.message.headline == "WARN: r {surface=home}"
    (found,) = outgoing.message.alerts
    assert found.incident == f"{now.fingerprint}.2"
    assert (found.kind, found.summary) == ("firing", "ctr 3 % < 4 %")
    assert dict(found.facts) == {
        "severity": "warn",
        "rule": "r",
        "surface": "home",
        "value": "3 %",
        "threshold": "< 4 %",
        "since": "2025-03-05",
        "bucket": "2025-03-06",
        "impressions": "1,000",
    }
    assert found.playbook == "Do that.\n"
    assert found.trend == "█·▁ 3 % to 5 %, threshold < 4 %"
    assert found.why == ("−1 points against the week before",)
    assert found.notes == ("a note",)
    assert found.command == "recwatch check --rule r --as-of 2025-03-07 --target prod --dry-run"


def test_a_resolve_says_how_long_it_lasted_and_how_bad_it_was(tmp_path: Path) -> None:
    fine = of(state="ok", since=None, value=0.05, reason="ctr 5 % not < 4 %")
    found = alert(tmp_path, change("resolved", fine), results=(fine,))
    assert found.summary == (
        "it fired from 2025-03-05 to 2025-03-08 (3d), at worst 2 %; now ctr 5 % not < 4 %"
    )
    facts = dict(found.facts)
    assert (facts["since"], facts["until"], facts["lasted"], facts["worst"]) == (
        "2025-03-05",
        "2025-03-08",
        "3d",
        "2 %",
    )
    assert found.playbook == ""


@pytest.mark.parametrize(
    ("kind", "headline", "summary"),
    [
        ("repeated", "Still firing: r {surface=home}", "ctr 3 % < 4 %"),
        (
            "restated",
            "Restated: r {surface=home}",
            "late rows changed what was told, it does not stand any more: ctr 3 % < 4 %",
        ),
        ("unknown", "Cannot be judged: r {surface=home}", "cannot be judged: ctr 3 % < 4 %"),
        ("known", "Can be judged again: r {surface=home}", "can be judged again: ctr 3 % < 4 %"),
    ],
)
def test_each_kind_has_its_words(tmp_path: Path, kind: str, headline: str, summary: str) -> None:
    (outgoing,) = composed(tmp_path, change(kind))
    assert outgoing.message.headline == headline
    assert outgoing.message.alerts[0].summary == summary


def test_an_episode_that_is_over_already_is_told_as_such(tmp_path: Path) -> None:
    fine = of(state="ok", since=None, reason="ctr 5 % not < 4 %")
    both = [change(kind, fine, because="passed") for kind in ("firing", "resolved")]
    first, second = composed(tmp_path, *both, results=(fine,))
    (found,) = first.message.alerts
    assert found.summary.startswith("it fired from 2025-03-05 to 2025-03-08 (3d), at worst 2 %")
    assert found.notes == ("it began and ended between two evaluations",)
    assert found.playbook == ""
    assert second.message.alerts[0].kind == "resolved"


def test_the_end_of_a_rule_that_is_gone_is_told(tmp_path: Path) -> None:
    gone = change("resolved", of("old"), because="rule_gone", reason="no longer in the rule file")
    found = alert(tmp_path, gone)
    assert found.summary == "it fired since 2025-03-05; now no longer in the rule file"
    assert found.command == ""


def test_what_is_not_to_be_told_is_not(tmp_path: Path) -> None:
    assert composed(tmp_path, change(told=False)) == []


TEAMS = "receivers:\n  - {name: a, type: console}\n  - {name: b, type: console}\n"


def test_each_receiver_of_a_rule_gets_it_the_gravest_first(tmp_path: Path) -> None:
    rules = (rule(receiver=["a", "b"]), rule(name="p", severity="page", receiver="b"))
    page = change(of_=of("p", severity="page"))
    resolved = change("resolved", of("p", (("surface", "pdp"),), severity="page"))
    found = composed(tmp_path, resolved, change(), page, rules=rules, receivers=TEAMS)
    assert [(one.receiver, one.message.alerts[0].kind) for one in found] == [
        ("b", "firing"),
        ("b", "firing"),
        ("b", "resolved"),
        ("a", "firing"),
    ]
    assert found[0].message.severity == "page"


def test_an_end_goes_where_the_begin_went(tmp_path: Path) -> None:
    where = {f"{of().fingerprint}.2": ["b"]}
    changes = [change(), change("resolved")]
    found = composed(tmp_path, *changes, receivers=TEAMS, told_to=where)
    assert [one.receiver for one in found] == ["console", "b"]


def test_more_than_ten_for_a_receiver_become_one_message(tmp_path: Path) -> None:
    changes = [change(of_=of(labels=(("surface", f"s{n}"),))) for n in range(10)]
    assert len(composed(tmp_path, *changes)) == 10
    (outgoing,) = composed(tmp_path, *changes, change("resolved"))
    assert outgoing.message.headline == "WARN: 11 alerts, 10 of them new"
    assert outgoing.message.alerts[-1].kind == "resolved"
    assert outgoing.message.command == "recwatch check --dry-run"


JOINT = rule(
    playbook="Roll back.\n", playbook_when={"other": "normal"}, playbook_otherwise="Wait.\n"
)


@pytest.mark.parametrize(
    ("wanted", "states", "text"),
    [
        ("normal", ["ok"], "Roll back.\n"),
        ("normal", ["ok", "firing"], "Wait.\n"),
        ("normal", ["ok", "pending"], "Wait.\n"),
        ("firing", ["ok", "firing"], "Roll back.\n"),
        ("firing", ["ok"], "Wait.\n"),
        ("no_data", ["no_data"], "Roll back.\n"),
        ("normal", ["firing", "no_data"], "Wait.\n"),
        ("firing", ["firing", "no_data"], "Roll back.\n"),
    ],
)
def test_the_playbook_follows_the_other_rule(
    tmp_path: Path, wanted: str, states: list[str], text: str
) -> None:
    rules = (
        {**JOINT, "playbook_when": {"other": wanted}},
        rule(name="other", by=["surface", "country"]),
    )
    others = [
        of("other", (*HOME, ("country", str(n))), state=state) for n, state in enumerate(states)
    ]
    # Another surface says nothing of this one.
    others.append(of("other", (("surface", "pdp"), ("country", "DE")), state="recovering"))
    found = alert(tmp_path, change(), rules=rules, results=(of(), *others))
    assert found.playbook == text
    assert found.notes == ()


@pytest.mark.parametrize("wanted", ["normal", "firing"])
@pytest.mark.parametrize(
    ("states", "said"),
    [([], "no result"), (["no_data"], "no_data"), (["ok", "invalid"], "invalid, normal")],
)
def test_where_the_other_rule_is_not_known_both_texts_are_given(
    tmp_path: Path, wanted: str, states: list[str], said: str
) -> None:
    rules = ({**JOINT, "playbook_when": {"other": wanted}}, rule(name="other", by=["country"]))
    others = [of("other", (("country", str(n)),), state=state) for n, state in enumerate(states)]
    found = alert(tmp_path, change(), rules=rules, results=(of(), *others))
    assert found.playbook == f"If other is {wanted}:\nRoll back.\nOtherwise:\nWait.\n"
    assert found.notes == (f"whether other is {wanted} is not known ({said})",)


def test_what_is_remembered_of_the_other_rule_counts(tmp_path: Path) -> None:
    other = of("other", state="ok")
    rules = (JOINT, rule(name="other"))
    remembered = {other.fingerprint: "recovering"}
    found = alert(tmp_path, change(), rules=rules, results=(of(), other), states=remembered)
    assert found.playbook == "Wait.\n"


def test_an_alert_says_what_it_holds_back(tmp_path: Path) -> None:
    rules = (rule(name="cause"), rule(inhibited_by=[{"rule": "cause"}]))
    cause = of("cause")
    many = [of(labels=(("surface", f"s{n}"),)) for n in range(7)]
    results = (cause, *many)
    loaded = {one.name: one for one in ruleset(tmp_path, *rules).rules}
    found = suppressed(results, loaded)
    assert found.reasons == {one.fingerprint: "held back by cause {surface=home}" for one in many}
    told = alert(
        tmp_path, change(of_=cause), rules=rules, results=results, held=found.held(results)
    )
    named = ", ".join(f"r {{surface=s{n}}}" for n in range(5))
    assert told.notes == (f"holds back 7 alerts: {named} and 2 more",)


def test_an_unknown_alert_is_held_back_and_holds_back_nothing(tmp_path: Path) -> None:
    rules = (rule(name="cause"), rule(inhibited_by=[{"rule": "cause"}]))
    loaded = {one.name: one for one in ruleset(tmp_path, *rules).rules}
    lost = of(state="no_data")
    assert set(suppressed((of("cause"), lost), loaded).reasons) == {lost.fingerprint}
    unknown = of("cause", state="no_data")
    assert suppressed((unknown, of()), loaded).reasons == {}
    lasting = suppressed((unknown, of()), loaded, lasting=[unknown.fingerprint])
    assert set(lasting.reasons) == {of().fingerprint}


def test_a_silence_names_its_author_end_and_reason(tmp_path: Path) -> None:
    loaded = {one.name: one for one in ruleset(tmp_path, rule()).rules}
    silence = Silence("1", "ada", "import", (("rule", "r"),), NOW, NOW + timedelta(hours=1))
    found = suppressed((of(),), loaded, [silence], NOW)
    assert found.reasons == {of().fingerprint: "silenced by ada until 2025-03-10T01:00:00Z: import"}
    assert suppressed((of(),), loaded, [silence], silence.ends).reasons == {}
    assert suppressed((of(),), loaded, [silence]).reasons == {}
    other = replace(silence, matchers=(("rule", "q"),))
    assert suppressed((of(),), loaded, [other], NOW).reasons == {}


@pytest.mark.parametrize(("kind", "messages"), [("slack, webhook_env: S", 1), ("pagerduty", 500)])
def test_many_alerts_are_one_message_but_for_pagerduty(
    tmp_path: Path, kind: str, messages: int
) -> None:
    many = [of(labels=(("surface", f"s{n}"),)) for n in range(500)]
    outgoing = composed(
        tmp_path,
        *(change(of_=one) for one in many),
        rules=(rule(receiver="team"),),
        results=tuple(many),
        receivers=f"receivers:\n  - {{name: team, type: {kind}}}\n",
    )
    assert len(outgoing) == messages
    assert sum(len(one.message.alerts) for one in outgoing) == 500
