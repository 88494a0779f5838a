"""The promises, how each is measured, and the table."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from alerts.runner.check import RUN
from faults import histories, kills, locks, outages, services

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Measure = Callable[[int], dict[str, Any]]

_HEAD = """# Faults

What recwatch promises when things go wrong ([alerting.md](alerting.md)), measured: `make faults`
starts real processes, kills them by SIGKILL, and has real HTTP servers on loopback in the place of
the receivers. Seed {seed}.

| promise | must be | found | n | seconds |
|---|---|---|---|---|
"""
_FOOT = """
- "Can be asked" and "cannot be asked" are two plain receivers: one can be asked whether it has a
  message, one cannot. The rows of Slack and PagerDuty are of recwatch's own receivers against a
  server that answers as theirs do.
- A copy more comes about where a run is killed after the receiver took a message and before the
  state says so.
- A kill that came after its run had ended is not counted: n is of kills that hit.
- The pace of one message a second in a Slack channel is left out.
"""


@dataclass(frozen=True)
class Row:
    """A line of the table. `holds` is whether what was found is what must be."""

    promise: str
    must_be: str
    found: str
    n: str
    holds: bool


@dataclass(frozen=True)
class Section:
    """Rows that one measurement gives.

    Attributes:
        name: For `--only`, and while it is measured.
        measure: From a seed to what was found.
        rows: From what was found to the rows.
    """

    name: str
    measure: Measure
    rows: Callable[[dict[str, Any]], list[Row]]


@dataclass(frozen=True)
class Done:
    """A section that was measured."""

    rows: list[Row]
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether all of it does."""
        return all(row.holds for row in self.rows)


def sections(*, small: bool) -> list[Section]:
    """What is measured; `small` for a quick look."""
    seconds = 5.0 if small else RUN
    # Histories, kills, kills of a receiver's run, pairs, holders, runs of a day.
    numbers = (500, 40, 20, 15, 20, 3, 12) if small else (10_000, 1000, 200, 200, 1000, 100, 96)
    told, random, accepted, receivers, pairs, holders, runs = numbers
    accept = partial(_kills, "between accept and commit")
    return [
        Section("histories", partial(histories.figure, told), _histories),
        Section("kills", partial(kills.figure, random), partial(_kills, "at random moments")),
        Section("accepted", partial(kills.between, accepted), accept),
        Section("receivers", partial(services.killed, receivers), _receivers),
        Section("locks", partial(locks.figure, pairs), _locks),
        Section("holders", partial(locks.freed, holders), _holders),
        Section("down", partial(outages.down, runs), _down),
        Section("hung", partial(outages.hung, seconds), partial(_hung, seconds)),
    ]


def measured(section: Section, seed: int) -> Done:
    """One section, timed."""
    begun = time.monotonic()
    found = section.measure(seed)
    rows = section.rows(found)
    if found["holds"] != all(row.holds for row in rows):
        # What the rows do not show must not be lost.
        rows.append(Row(section.name, "as promised", f"{found}", "", holds=False))
    return Done(rows, time.monotonic() - begun)


def document(done: Sequence[Done], seed: int) -> str:
    """The whole page."""
    lines = [
        "| " + " | ".join((*cells(row), f"{one.seconds:.0f}")) + " |\n"
        for one in done
        for row in one.rows
    ]
    return _HEAD.format(seed=seed) + "".join(lines) + _FOOT


def cells(row: Row) -> tuple[str, str, str, str]:
    """What is written of a row."""
    found = row.found if row.holds else f"**{row.found}**"
    return row.promise, row.must_be, found, row.n


def _zero(promise: str, count: int, of: str, n: str, word: str = "") -> Row:
    return Row(promise, f"0 {word}".strip(), f"{count:,} {of}".strip(), n, holds=count == 0)


def _at_most(promise: str, count: int, kills: int, n: str) -> Row:
    found = f"{count:,} ({count / max(kills, 1):.2f} a kill)"
    return Row(promise, "at most 1 a kill", found, n, holds=count <= kills)


def _histories(found: dict[str, Any]) -> list[Row]:
    told = sum(found["transitions"].values())
    of = f"in {found['evaluations']:,} evaluations, {told:,} transitions"
    n = f"{found['histories']:,} histories"
    promise = "the state machine is a plain reference model's equal"
    return [_zero(promise, found["differences"], of, n, "differences")]


def _kills(when: str, found: dict[str, Any]) -> list[Row]:
    n = f"{found['kills']:,} kills, {found['kills_while_delivering']:,} while delivering"
    begin = f"SIGKILL {when}"
    asked, blind = found["copies"]["findable"], found["copies"]["blind"]
    return [
        _zero(f"{begin}: nothing is lost", found["lost"], f"of {found['told']:,}", n, "lost"),
        _zero(f"{begin}: copies at a receiver that can be asked", asked, "", n),
        _at_most(f"{begin}: copies at one that cannot be asked", blind, found["kills"], n),
    ]


def _receivers(found: dict[str, Any]) -> list[Row]:
    n = f"{found['kills']:,} kills"
    begin = "SIGKILL when Slack or PagerDuty has it"
    copies = found["copies unreadable"]
    incidents = f"in {found['incidents']:,}"
    return [
        _zero(f"{begin}: nothing is lost", found["lost"], f"of {found['told']:,}", n, "lost"),
        _zero("PagerDuty: incidents too many", found["extra incidents"], incidents, n),
        _zero("Slack, history readable: copies", found["copies readable"], "", n),
        _at_most("Slack, history not readable: copies", copies, found["kills"], n),
    ]


def _locks(found: dict[str, Any]) -> list[Row]:
    n = f"{found['pairs']:,} pairs"
    losers, named = found["losers"], found["named_the_holder"]
    said = f"{named:,} of {losers:,}"
    return [
        _zero("two runs at once: messages sent twice", found["sent_twice"], "", n),
        _zero("two runs at once: nothing is lost", found["lost"], "", n, "lost"),
        Row("two runs at once: who exits 5 names the holder", "all", said, n, named == losers),
    ]


def _holders(found: dict[str, Any]) -> list[Row]:
    n = f"{found['killed']:,} kills"
    freed = f"{found['freed']:,} of {found['killed']:,}"
    return [Row("a killed holder frees the lock", "all", freed, n, found["holds"])]


def _down(found: dict[str, Any]) -> list[Row]:
    n = f"{found['hours']:g} h, a run each 15 min"
    came = f"{found['delivered']:,} of {found['waiting']:,}"
    order = "as it happened" if found["in order"] else "another"
    served = "yes" if found["others served meanwhile"] else "no"
    begin = "a receiver down (simulated clock)"
    all_came = found["delivered"] == found["waiting"] > 0
    return [
        Row(f"{begin}: delivered by the next run", "all", came, n, all_came),
        Row(f"{begin}: the order", "as it happened", order, n, found["in order"]),
        Row(f"{begin}: the others are served", "yes", served, n, served == "yes"),
    ]


def _hung(seconds: float, found: dict[str, Any]) -> list[Row]:
    limit, longest = seconds + outages.TO_END, found["longest"]
    ways = ", ".join(found["took"])
    wrong = ", ".join(found["wrong"])
    ends = Row("", f"< {limit:g} s", f"{longest:.1f} s at most", ways, longest < limit)
    served = Row("", "yes", wrong or "yes", ways, not wrong)
    return [
        replace(ends, promise="a hung receiver: the run ends"),
        replace(served, promise="a hung receiver: the others are served, it by the next run"),
    ]
