"""The marts of experiments in plain Python, user by user, day by day: slow, easy to check."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tests.project.harness import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.project.experiment_shop import Row, Shop

DAY = dt.timedelta(days=1)
WINDOW = 14 * DAY
PAIRS = [
    *("m", "d", "p", "q", "mm", "dd", "pp", "qq", "md", "mp", "mq", "dp", "dq", "pq"),
]
ANYWHERE = {"save_rate", "bounce_rate", "crash_free_sessions"}
OF_SOURCE = {
    "avg_dwell_ms": "personalization_metrics",
    **dict.fromkeys(
        [
            *("add_to_cart_rate", "revenue_per_user", "rpm", "personalized_share"),
            *("out_of_stock_rate", "slow_response_rate", "over_threshold_rate"),
        ],
        "shop_events",
    ),
}


METRICS = list(csv.DictReader((ROOT / "seeds" / "experiment_metrics.csv").read_text().splitlines()))


class Experiment:
    """One experiment as its newest version has it, and its users."""

    def __init__(self, shop: Shop, key: str) -> None:
        self.shop, self.key = shop, key
        versions = [row for row in shop.experiments if row["experiment_key"] == key]
        self.versions = sorted(versions, key=lambda row: row["updated_at"])
        newest = self.versions[-1]
        self.started_at, self.ended_at = newest["started_at"], newest["ended_at"]
        self.source = newest["config"].get("source", "personalization_metrics")
        self.surfaces = newest["config"].get("surfaces")
        self.threshold = newest["config"].get("latency_threshold_ms")
        self.periods = self.weight_periods()
        self.users = self.first_arms()
        arms = {arm["key"] for row in self.versions for arm in row["variations"]}
        self.since = dict.fromkeys(arms, self.started_at.date())
        for _, _, arm, at in self.in_run():
            self.since[arm] = min(self.since.get(arm, at.date()), at.date())

    def on_surface(self, surface: str | None) -> bool:
        return surface is not None and (self.surfaces is None or surface in self.surfaces)

    def runs_at(self, at: dt.datetime) -> bool:
        return at >= self.started_at and (self.ended_at is None or at < self.ended_at)

    def days(self) -> list[dt.date]:
        rows = (
            self.shop.impressions
            if self.source == "personalization_metrics"
            else [*self.shop.traces, *self.shop.events]
        )
        last = max(row["created_at"] for row in rows).date()
        if self.ended_at is not None:
            last = min(last, (self.ended_at - dt.timedelta(microseconds=1)).date())
        first = self.started_at.date()
        return [first + n * DAY for n in range((last - first).days + 1)]

    def weight_periods(self) -> list[tuple[dt.datetime, dict[str, Fraction]]]:
        """When each set of weights came into force."""
        periods: list[tuple[dt.datetime, dict[str, Fraction]]] = []
        for number, row in enumerate(self.versions):
            given = [arm["weight"] for arm in row["variations"]]
            weights = (
                [Fraction(w or 0) for w in given] if any(given) else [Fraction(1)] * len(given)
            )
            shares = {
                arm["key"]: weight / sum(weights)
                for arm, weight in zip(row["variations"], weights, strict=True)
            }
            at = self.started_at if not number else max(row["updated_at"], self.started_at)
            if periods and periods[-1][0] == at:
                periods.pop()
            if not periods or periods[-1][1] != shares:
                periods.append((at, shares))
        return periods

    def period_of(self, at: dt.datetime) -> int:
        return sum(at >= start for start, _ in self.periods)

    def in_run(self) -> list[tuple[str, str, str, dt.datetime]]:
        return [
            (row["experiment_key"], row["user_id"], row["variation"], row["assigned_at"])
            for row in self.shop.assignments
            if row["experiment_key"] == self.key and self.runs_at(row["assigned_at"])
        ]

    def first_arms(self) -> dict[str, list[tuple[dt.datetime, str]]]:
        """Each user's arms in the order he was first seen in them."""
        seen: dict[str, dict[str, dt.datetime]] = defaultdict(dict)
        for _, user, variation, at in self.in_run():
            seen[user][variation] = min(at, seen[user].get(variation, at))
        return {
            user: sorted((at, variation) for variation, at in arms.items())
            for user, arms in seen.items()
        }

    def is_mixed(self, user: str, day: dt.date) -> bool:
        arms = self.users[user]
        return len(arms) > 1 and arms[1][0].date() <= day

    def exposing(self) -> Iterator[tuple[str, str, dt.datetime, int, str, Row]]:
        if self.source == "personalization_metrics":
            for row in self.shop.impressions:
                yield row["user_id"], row["surface"], row["created_at"], 3, row["id"], row
        else:
            for row in self.shop.traces:
                yield row["user_id"], row["surface"], row["created_at"], 1, row["id"], row
            for row in self.shop.events:
                if row["name"] == "impression":
                    yield row["user_id"], row["surface"], row["created_at"], 2, row["id"], row

    def exposures(self) -> dict[str, dict[str, tuple[dt.datetime, int, str, Row]]]:
        """By scope and user: the first row seen at or after the assignment."""
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        for user, surface, at, rank, row_id, row in self.exposing():
            if user not in self.users or not self.on_surface(surface) or not self.runs_at(at):
                continue
            if at < self.users[user][0][0]:
                continue
            for scope in ("(all)", surface):
                known = found[scope].get(user)
                if known is None or (at, rank, row_id) < known[:3]:
                    found[scope][user] = (at, rank, row_id, row)
        return found

    def attributes(self, user: str, exposure: tuple[dt.datetime, int, str, Row]) -> dict[str, str]:
        at, rank, _, row = exposure
        known = {name: row.get(name) for name in ("user_type", "device", "country")}
        if rank == 2:
            for trace in self.shop.traces:
                if trace["id"] == row["trace_id"] and trace["user_id"] == user:
                    known["user_type"] = trace["user_type"]
                    known["device"] = trace["device"]
        around = [
            visit
            for visit in self.shop.sessions
            if visit["user_id"] == user
            and visit["ended_at"] is not None
            and visit["started_at"] <= at <= visit["ended_at"]
        ]
        if around:
            visit = max(around, key=lambda visit: (visit["started_at"], visit["id"]))
            known["device"] = known["device"] or visit["device"]
            known["country"] = known["country"] or visit["country"]
        return {name: value or "(unknown)" for name, value in known.items()}

    def things_done(self) -> list[tuple[str, str | None, dt.datetime, dt.datetime, dict[str, Any]]]:
        """User, surface (none: counts anywhere), start, end, measures."""
        done: list[Any] = []
        if self.source == "personalization_metrics":
            for row in self.shop.impressions:
                counts = {"impressions": 1, "clicks": int(row["clicked"])}
                if row["dwell_ms"] is not None:
                    counts |= {"dwell_ms": Fraction(row["dwell_ms"]), "dwell_events": 1}
                done.append((row["user_id"], row["surface"], *[row["created_at"]] * 2, counts))
        else:
            done += self.telemetry()
        for row in self.shop.saves:
            done.append((row["user_id"], None, *[row["created_at"]] * 2, {"saves": 1}))
        for row in self.shop.sessions:
            counts = {}
            if row["is_bounce"] is not None:
                counts |= {"judged_sessions": 1, "bounced_sessions": int(row["is_bounce"])}
            if row["is_crash_free"] is not None:
                counts |= {"watched_sessions": 1, "crash_free_sessions": int(row["is_crash_free"])}
            end = max(row["started_at"], row["ended_at"] or row["started_at"])
            done.append((row["user_id"], None, row["started_at"], end, counts))
        return done

    def telemetry(self) -> Iterator[Any]:
        counted = {row["id"] for row in counted_clicks(self.shop.events)}
        names = {"impression": "impressions", "click": "clicks", "add_to_cart": "adds"}
        for row in self.shop.events:
            if row["name"] == "click" and row["id"] not in counted:
                continue
            times = [row["created_at"]] * 2
            if row["name"] == "purchase":
                revenue = Fraction(row["revenue"] or 0)
                yield row["user_id"], row["surface"] or "(unknown)", *times, {"revenue": revenue}
                yield row["user_id"], None, *times, {"revenue_anywhere": revenue}
            else:
                yield row["user_id"], row["surface"], *times, {names[row["name"]]: 1}
        for row in self.shop.traces:
            counts = {
                "served_items": row["items"],
                "personalized_items": min(row["personalized"], row["items"]),
                "unavailable_items": min(row["items"], 1),
            }
            if row["latency_ms"] is not None:
                counts |= {
                    "timed_responses": 1,
                    "slow_responses": int(row["latency_ms"] > 200),
                    "responses_over_threshold": int(row["latency_ms"] > (self.threshold or 1e9)),
                }
            yield row["user_id"], row["surface"], *[row["created_at"]] * 2, counts

    def totals(self, scope: str, user: str, exposed_at: dt.datetime) -> list[tuple[int, Any]]:
        """What a user did before (None) and since his exposure: day and measures."""
        found = []
        for _, surface, start, end, measures in self.by_user[user]:
            if scope == "(all)":
                if surface is not None and not self.on_surface(surface):
                    continue
            elif surface != scope:
                continue
            counts = measures
            if scope != "(all)" and "revenue" in measures:
                counts = {**measures, "revenue_anywhere": measures["revenue"]}
            if end >= exposed_at:
                if self.ended_at is None or start < self.ended_at:
                    found.append((max(start, exposed_at).date(), counts))
            elif start >= exposed_at - WINDOW:
                found.append((None, counts))
        return found

    def people(self) -> Iterator[tuple[str, dt.date, dict[str, str], list[tuple[Any, Any]]]]:
        """Who enters, by scope: the user, his first day, his segments and what he did."""
        self.by_user = defaultdict(list)
        for thing in self.things_done():
            self.by_user[thing[0]].append(thing)
        for scope, users in self.exposures().items():
            for user, exposure in users.items():
                at, _ = self.users[user][0]
                if self.is_mixed(user, exposure[0].date()):
                    continue
                segments = {"surface": scope}
                if scope == "(all)":
                    segments = {"all": "all", "weight_period": str(self.period_of(at))}
                    segments |= self.attributes(user, exposure)
                done = self.totals(scope, user, exposure[0])
                yield user, exposure[0].date(), segments, done

    def moments(self) -> Iterator[tuple[tuple[Any, ...], tuple[Fraction, ...]]]:
        """Key of a mart row, and its users and sums."""
        people = list(self.people())
        for day in self.days():
            entered = [person for person in people if person[1] <= day]
            sums: dict[Any, list[Fraction]] = defaultdict(lambda: [Fraction(0)] * 15)
            for user, _, segments, done in entered:
                if self.is_mixed(user, day):
                    continue
                before = added_up(counts for when, counts in done if when is None)
                since = added_up(counts for when, counts in done if when and when <= day)
                for metric, segment in itertools.product(self.offered(), segments.items()):
                    row = sums[(metric["metric"], segment, self.users[user][0][1])]
                    terms = [Fraction(1), *products(metric, before, since)]
                    row[:] = map(sum, zip(row, terms, strict=True))
            cells = {("all", "all"), *(cell for _, _, cut, _ in entered for cell in cut.items())}
            for metric, segment, arm in itertools.product(self.offered(), cells, self.since):
                name = metric["metric"]
                has_cell = segment[0] != "surface" or name not in ANYWHERE
                if has_cell and self.since[arm] <= day:
                    yield (self.key, name, *segment, arm, day), tuple(sums[(name, segment, arm)])

    def offered(self) -> list[dict[str, str]]:
        return [
            metric
            for metric in METRICS
            if OF_SOURCE.get(metric["metric"], self.source) == self.source
            and (metric["metric"] != "over_threshold_rate" or self.threshold is not None)
        ]

    def health(self) -> Iterator[tuple[Any, ...]]:
        exposed = self.exposures()["(all)"]
        rows = (
            self.shop.impressions if self.source == "personalization_metrics" else self.shop.traces
        )
        logged = [
            (row["user_id"], row["variation"], row["created_at"].date())
            for row in rows
            if row["experiment_key"] == self.key
            and self.on_surface(row["surface"])
            and self.runs_at(row["created_at"])
        ]
        for day in self.days():
            known = {user for user, arms in self.users.items() if arms[0][0].date() <= day}
            mixed = {user for user in known if self.is_mixed(user, day)}
            seen = {user for user in known - mixed if user in exposed}
            seen = {user for user in seen if exposed[user][0].date() <= day}
            named = {(user, arm) for user, arm, when in logged if when <= day}
            stray = {user for user, _ in named} - known
            other = {
                user
                for user, arm in named
                if user in known - mixed and arm not in (self.users[user][0][1], None)
            }
            assigned = len(known - mixed)
            yield (
                *(self.key, day, assigned, len(seen), len(stray), assigned - len(seen)),
                *(len(mixed), len(other)),
            )

    def srm(self) -> Iterator[tuple[Any, ...]]:
        exposed = self.exposures()["(all)"]
        planned = {arm for _, shares in self.periods for arm in shares}
        for day in self.days():
            for number, (start, shares) in enumerate(self.periods, 1):
                counts: dict[str, list[int]] = {}
                if start.date() <= day:
                    counts = {arm: [0, 0, 0] for arm in planned}
                for user, arms in self.users.items():
                    at, arm = arms[0]
                    if self.period_of(at) != number or at.date() > day:
                        continue
                    row = counts.setdefault(arm, [0, 0, 0])
                    if self.is_mixed(user, day):
                        row[2] += 1
                        continue
                    row[0] += 1
                    row[1] += user in exposed and exposed[user][0].date() <= day
                everyone = sum(row[0] for row in counts.values())
                for arm, row in counts.items():
                    share = float(shares.get(arm, 0))
                    yield self.key, day, arm, number, *row, share, share * everyone


def added_up(parts: Iterable[dict[str, Any]]) -> dict[str, Fraction]:
    """A user's measures in all, and the user himself."""
    totals: dict[str, Fraction] = defaultdict(Fraction, users=Fraction(1))
    for counts in parts:
        for name, value in counts.items():
            totals[name] += value
    return totals


def products(
    metric: dict[str, str], before: dict[str, Fraction], since: dict[str, Fraction]
) -> list[Fraction]:
    """A user's terms of the sums, in the order of PAIRS."""
    value = {
        "m": since[metric["numerator"]],
        "d": since[metric["denominator"]],
        "p": before[metric["numerator"]],
        "q": before[metric["denominator"]],
    }
    return [value[pair[0]] * (value[pair[1]] if pair[1:] else 1) for pair in PAIRS]


def counted_clicks(events: list[Row]) -> list[Row]:
    """One click per user, response and item, the earliest; without response or item each."""
    first: dict[Any, Row] = {}
    for row in sorted(events, key=lambda row: (row["created_at"], row["id"])):
        if row["name"] == "click":
            key = (row["user_id"], row["trace_id"], row["item_id"])
            first.setdefault(row["id"] if None in key else key, row)
    return list(first.values())
