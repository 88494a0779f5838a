"""Runs with the product's own receivers, against servers in the place of Slack and PagerDuty."""

from __future__ import annotations

import random as randoms
import tempfile
import threading
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from alerts.notify import slack
from alerts.notify.attempts import Patience
from alerts.notify.message import Alert, Message
from alerts.notify.pagerduty import PagerDutyReceiver
from alerts.runner.compose import Outgoing
from alerts.runner.deliver import dispatch
from alerts.runner.threads import deliveries
from alerts.state import advance
from alerts.state.store import open_state
from faults.inbox import kill
from faults.runs import processes
from faults.world import POLICY, RULE, observations, truth
from tests.alerts.notify.server import FakeSlack, Reply, Request, Site, serving

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alerts.notify.message import Receiver
    from alerts.state import Transition
    from faults.world import Told

READABLE, UNREADABLE, PAGERDUTY = "slack", "slack-unreadable", "pagerduty"
NAMES = (READABLE, UNREADABLE, PAGERDUTY)
# At once, and without the pace of one message a second, which is Slack's and costs only time.
HURRIED = Patience(backoff=0, pace=0)
_NOW = datetime(2025, 6, 1, tzinfo=UTC)
_A_WORLD = 50


@dataclass
class Trap:
    """Kills a run when a server has taken a message: before the answer, or a moment after it."""

    after: float | None = None
    armed: bool = False
    caught: bool = False
    pid: int = 0
    is_known: threading.Event = field(default_factory=threading.Event)

    def set(self, after: float | None) -> None:
        """For the next run, `after` so many seconds; before the answer without."""
        self.after, self.armed, self.caught = after, True, False
        self.is_known.clear()

    def name(self, pid: int | None) -> None:
        """Whom to kill."""
        self.pid = pid or 0
        self.is_known.set()

    def spring(self) -> None:
        """A message was taken."""
        if not self.armed or not self.is_known.wait(10):
            return
        self.armed, self.caught = False, True
        if self.after is None:
            kill(self.pid)
        else:
            threading.Timer(self.after, kill, (self.pid,)).start()


@dataclass
class Slack(FakeSlack):
    """Remembers what was posted, before any edit of it."""

    trap: Trap = field(default_factory=Trap)
    posted: list[str] = field(default_factory=list)

    def reply(self, request: Request) -> Reply:
        """Take it, and maybe kill who sent it."""
        before = len(self.messages)
        reply = super().reply(request)
        if len(self.messages) > before:
            self.posted.append(str(self.messages[-1]["text"]))
            self.trap.spring()
        return reply


@dataclass
class PagerDuty(Site):
    """Opens an incident for a trigger whose key has none open; a resolve closes it."""

    trap: Trap = field(default_factory=Trap)
    opened: Counter[str] = field(default_factory=Counter)
    open: set[str] = field(default_factory=set)

    def reply(self, request: Request) -> Reply:
        """Take it, and maybe kill who sent it."""
        reply = super().reply(request)
        event: dict[str, Any] = self.bodies[-1]
        key = str(event["dedup_key"])
        if event["event_action"] == "resolve":
            self.open.discard(key)
        elif key not in self.open:
            self.open.add(key)
            self.opened[key] += 1
        self.trap.spring()
        return reply


@dataclass(frozen=True)
class Servers:
    """The three, listening."""

    readable: Slack
    unreadable: Slack
    pagerduty: PagerDuty

    @classmethod
    def start(cls, stack: ExitStack) -> Servers:
        """Listen until the stack is left."""
        taken = Reply.json({"status": "success", "message": "ok", "dedup_key": "k"}, 202)
        found = cls(Slack([Reply()]), Slack([Reply()]), PagerDuty([taken]))
        found.unreadable.unreadable = {"conversations.list", "conversations.history"}
        for site in (found.readable, found.unreadable, found.pagerduty):
            stack.enter_context(serving(site))
        return found

    @property
    def urls(self) -> tuple[str, str, str]:
        """In the order of `NAMES`."""
        return self.readable.url, self.unreadable.url, self.pagerduty.url

    @property
    def traps(self) -> tuple[Trap, ...]:
        """In the order of `NAMES`."""
        return self.readable.trap, self.unreadable.trap, self.pagerduty.trap


@dataclass(frozen=True)
class Run:
    """What a run is given.

    Attributes:
        state: URL of the state.
        urls: Of the servers, in the order of `NAMES`.
        seed: Of the world.
        day: Newest day of the world.
        now: The clock.
        patience: Of the receivers.
        seconds: How long it may deliver.
    """

    state: str
    urls: tuple[str, str, str]
    seed: str
    day: int
    now: datetime = _NOW
    patience: Patience = HURRIED
    seconds: float = 60.0

    def __call__(self) -> int:
        """Evaluate, step, commit, deliver; gives how many deliveries are outstanding."""
        with open_state(self.state, now=self.now, command="recwatch check") as store:
            seen = observations(self.seed, self.day)
            done = advance(store.records(), seen, {RULE: POLICY}, complete=True)
            told = [one for one in done.transitions if one.told]
            outgoing = [Outgoing(name, message(one)) for one in told for name in NAMES]
            new = deliveries(outgoing, store.outbox)
            store.commit_run(done.records, done.transitions, new, self.now)
            receivers = self._receivers()
            report = dispatch(store.outbox, receivers, {}, self.now, self.seconds)
            return len(report.left)

    def _receivers(self) -> dict[str, Receiver]:
        found: dict[str, Receiver] = {}
        for name, url in zip(NAMES, self.urls, strict=True):
            if name == PAGERDUTY:
                found[name] = PagerDutyReceiver("key", self.patience, base_url=url)
            else:
                transport = slack.TokenTransport("token", "#team", self.patience, url)
                found[name] = slack.SlackReceiver(transport, self.patience)
        return found


def message(one: Transition) -> Message:
    """With a headline that says what is told, of which episode."""
    alert = Alert(
        title=f"{one.rule} {one.fingerprint}",
        severity=one.severity,
        summary=one.kind,
        fingerprint=one.fingerprint,
        kind=one.kind,
        episode=one.episode,
    )
    since = "" if one.since is None else one.since.isoformat()
    return Message(headline((one.fingerprint, since, one.kind)), one.severity, (alert,))


def headline(told: Told) -> str:
    """`firing series-1 2025-01-05`."""
    series, since, kind = told
    return f"{kind} {series} {since}"


def killed(n: int, seed: int) -> dict[str, Any]:
    """`n` SIGKILLs after Slack or PagerDuty took a message, and before that is written down."""
    counted: Counter[str] = Counter()
    world = 0
    while counted["kills"] < n and world < 3 * (n // _A_WORLD + 1):
        with ExitStack() as stack:
            place = stack.enter_context(tempfile.TemporaryDirectory(prefix="recwatch-killed-"))
            servers = Servers.start(stack)
            wanted = min(n - counted["kills"], _A_WORLD)
            name = f"{seed}/{world}"
            day = _one_world(f"sqlite:///{place}/state.db", servers, name, wanted, counted)
            _judge(truth(name, day), servers, counted)
        world += 1
    counts = {name: counted[name] for name in _COUNTS}
    return {
        **counts,
        "holds": counted["kills"] >= n
        and not counted["lost"]
        and not counted["unexpected"]
        and not counted["copies readable"]
        and not counted["extra incidents"]
        and counted["copies unreadable"] <= counted["kills"],
    }


_COUNTS = (
    "kills",
    "told",
    "lost",
    "unexpected",
    "copies readable",
    "copies unreadable",
    "incidents",
    "extra incidents",
)


def _one_world(state: str, servers: Servers, name: str, wanted: int, counted: Counter[str]) -> int:
    """Kill so many runs, let the last one end; gives the day it then is."""
    random = randoms.Random(name)  # noqa: S311 - not for secrets
    day, kills = 0, 0
    _start(Run(state, servers.urls, name, day), ())
    for _ in range(4 * wanted):
        day += random.choice([0, 1, 1, 2])
        trap = random.choice(servers.traps)
        trap.set(random.choice([None, 0.0, 0.001, 0.003]))
        code = _start(Run(state, servers.urls, name, day), (trap,))
        # One that ended before it was killed was not.
        kills += code == -9
        counted["unexpected"] += code not in {0, -9}
        if kills == wanted:
            break
    counted["kills"] += kills
    counted["unexpected"] += _start(Run(state, servers.urls, name, day), ()) != 0
    return day


def _start(run: Run, traps: tuple[Trap, ...]) -> int:
    """A run as a process of its own; its exit code, minus the signal that ended it."""
    process = processes().Process(target=_perform, args=(run,), daemon=True)
    process.start()
    for trap in traps:
        trap.name(process.pid)
    process.join(60)
    for trap in traps:
        trap.armed = False
    return 99 if process.exitcode is None else process.exitcode


def _perform(run: Run) -> None:
    raise SystemExit(4 if run() else 0)


def _judge(expected: set[Told], servers: Servers, counted: Counter[str]) -> None:
    """What arrived against what had to."""
    wanted = {headline(told) for told in expected}
    for name, site in (("readable", servers.readable), ("unreadable", servers.unreadable)):
        counted["told"] += len(wanted)
        counted["lost"] += len(wanted - set(site.posted))
        counted[f"copies {name}"] += len(site.posted) - len(set(site.posted) & wanted)
    pager = servers.pagerduty
    begun = {(series, since) for series, since, kind in expected if kind == "firing"}
    ended = {(series, since) for series, since, kind in expected if kind == "resolved"}
    counted["told"] += len(begun) + len(ended)
    counted["lost"] += abs(len(begun) - len(pager.opened))
    counted["lost"] += abs(len(begun - ended) - len(pager.open))
    counted["incidents"] += pager.opened.total()
    counted["extra incidents"] += pager.opened.total() - len(pager.opened)


def texts(transitions: Iterable[Transition]) -> list[str]:
    """The headlines of what is told, in order."""
    return [message(one).headline for one in transitions if one.told]
