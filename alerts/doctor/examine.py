"""All that the doctor looks at. What is wrong with one thing keeps nobody from the next."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.detectors.sentences import shown
from alerts.doctor.finding import Finding
from alerts.doctor.marts import Site, examine_freshness, examine_loads, examine_marts
from alerts.errors import DeliveryError, RecwatchError, StateError, WarehouseError
from alerts.experiments.guardrail_file import load_guardrails
from alerts.notify.message import Parcel
from alerts.notify.sample import sample
from alerts.rules import load_rules
from alerts.runner.evaluate import Settings, zone_of
from alerts.runner.receivers import open_receivers
from alerts.warehouse import open_warehouse, resolve_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from alerts.rules import RuleSet
    from alerts.state.store import Store
    from alerts.warehouse import Project, Target


@dataclass(frozen=True)
class Patient:
    """What is to be looked at.

    Attributes:
        files: Rule files.
        guardrails: The guardrail file.
        project: The dbt project.
        target: Name of its profile's target; the profile's own without it.
        profiles_dir: Where the profile is.
        environ: The environment, where secrets are.
        now: The clock.
        echo: Prints what a console receiver is sent.
        state: Opens the state for reading.
        send: Whether each receiver is sent a test message.
    """

    files: Sequence[Path]
    guardrails: Path
    project: Project
    target: str | None
    profiles_dir: str | None
    environ: Mapping[str, str]
    now: datetime
    echo: Callable[[str], None]
    state: Callable[[], Store]
    send: bool = False


def examine(patient: Patient) -> Iterator[Finding]:
    """Everything, one finding after the other."""
    rules: RuleSet | None = None
    try:
        rules = load_rules(patient.files)
        yield Finding("rules", "ok", f"{len(rules.rules)} rules, {len(rules.receivers)} receivers")
    except RecwatchError as error:
        yield Finding.of_error("rules", error)
    yield _guardrails(patient.guardrails)
    target: Target | None = None
    try:
        target = resolve_target(patient.project, patient.target, patient.profiles_dir)
        yield Finding("profile", "ok", f"target {target.name}, on {target.type}")
    except RecwatchError as error:
        yield Finding.of_error("profile", error)
    if target is not None:
        yield from _warehouse(patient, target, rules)
    yield from _state(patient)
    if rules is not None:
        yield from _receivers(patient, rules)


def _guardrails(path: Path) -> Finding:
    try:
        file = load_guardrails(path)
    except RecwatchError as error:
        return Finding.of_error("guardrails", error)
    every, own = len(file.experiment_defaults.guardrails), len(file.experiments)
    found = f"{path}: {every} for every experiment, {own} experiments with entries of their own"
    return Finding("guardrails", "ok", found)


def _warehouse(patient: Patient, target: Target, rules: RuleSet | None) -> Iterator[Finding]:
    prefix, zone = patient.project.schema_prefix, patient.project.reporting_timezone
    settings = Settings(prefix=prefix, timezone=zone)
    try:
        site = Site(patient.project.raw_schema, prefix, zone_of(zone))
        with closing(open_warehouse(target, read_only=True)) as warehouse:
            if rules is not None:
                yield from _tried("marts", examine_marts(rules, warehouse, site))
                found = examine_freshness(rules, warehouse, settings, patient.now)
                yield from _tried("freshness", found)
            yield from _tried("loads", examine_loads(warehouse, site))
    except RecwatchError as error:
        yield Finding.of_error("marts", error)


def _tried(about: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings; where a relation cannot be read, that this could not be looked at.

    So it is with the raw tables for a role that may read the marts only.
    """
    try:
        yield from findings
    except WarehouseError as error:
        todo = "grant the role to read it, or leave it: `check` reads marts only"
        yield Finding(about, "unknown", str(error), todo if about == "loads" else "")


def _state(patient: Patient) -> Iterator[Finding]:
    try:
        with patient.state() as store:
            waiting = store.outbox.outstanding()
            records = store.records().values()
            silences = store.silences.find(patient.now)
            place = store.place
    except RecwatchError as error:
        yield Finding.of_error("state", error)
        return
    firing = sum(record.episode is not None for record in records)
    newest = max((shown(record.at) for record in records if record.at is not None), default="")
    judged = f"judged through {newest}" if newest else "no run yet"
    found = f"{place}: {judged}, {firing} firing, {len(silences)} silenced"
    yield Finding("state", "ok", found)
    if waiting:
        oldest = waiting[0]
        found = f"{len(waiting)} messages wait, since {oldest.created}: {oldest.detail}"
        todo = f"see receiver {oldest.receiver}; the next `recwatch check` tries again"
        yield Finding("state", "fail", found, todo, DeliveryError.exit_code)


def _receivers(patient: Patient, rules: RuleSet) -> Iterator[Finding]:
    try:
        outlets = open_receivers(rules, patient.environ, patient.echo)
    except RecwatchError as error:
        yield Finding.of_error("receivers", error)
        return
    for warning in outlets.warnings:
        yield Finding("receivers", "warn", warning, "set the variable where `recwatch` runs")
    for name, receiver in outlets.receivers.items():
        kind = outlets.types[name]
        if not patient.send:
            yield Finding("receivers", "ok", f"{name}: {kind}")
            continue
        deliveries = [receiver.send(Parcel(f"doctor-{name}", sample("info")))]
        if kind == "pagerduty" and not deliveries[0].failed:
            deliveries.append(receiver.send(Parcel(f"doctor-{name}-2", sample("info", "resolved"))))
        failed = next((one for one in deliveries if one.failed), None)
        if failed is None:
            yield Finding("receivers", "ok", f"{name}: {kind}, took a test message")
        else:
            found, todo = f"{name}: {kind}: {failed.detail}", "see docs/receivers.md"
            yield Finding("receivers", "fail", found, todo, DeliveryError.exit_code)


def gravest(findings: Sequence[Finding]) -> int:
    """The exit code of all of them: of what cannot be used at all before what can wait."""
    order = (2, StateError.exit_code, WarehouseError.exit_code, DeliveryError.exit_code)
    codes = {one.exit_code for one in findings if one.health == "fail"}
    return next((code for code in order if code in codes), 0)
