"""The shop's own logs: responses, what users did with them, and the catalogue.

They reach the warehouse by a way of their own: what is lost or late of the app's impressions is
not lost or late of these.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from alerts.simulate import catalog
from alerts.simulate.assignments import Assignments, Seen
from alerts.simulate.incidents import Incident, of_kind
from alerts.simulate.requests import Requests, draw_requests, is_traced
from alerts.simulate.responses import Responses, draw_responses
from alerts.simulate.tables import catalog_items, decision_traces, shop_events
from alerts.simulate.trace_incidents import TraceIncident, rates
from alerts.simulate.world import STREAM_EVENTS, STREAM_TRACES, World, stream
from alerts.simulate.writers import ROWS_PER_SLICE, Columns, Table, TableWriter

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLES: tuple[Table, ...] = (decision_traces.TABLE, shop_events.TABLE, catalog_items.TABLE)

NOBODY = Seen(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


class Tracing:
    """Writes the shop's tables, and remembers where their numbering stands.

    Attributes:
        changed_items: Versions of items that a newer one has replaced.
    """

    def __init__(
        self,
        world: World,
        assignments: Assignments,
        incidents: tuple[Incident, ...],
        writers: Mapping[str, TableWriter],
    ) -> None:
        self.changed_items = 0
        self._world = world
        self._assignments = assignments
        self._incidents = of_kind(incidents, TraceIncident)
        self._writers = writers
        self._visits = self._requests = self._events = 0
        self._catalog = catalog.make_catalog(world)
        self._changes = {
            change.day: change for change in catalog.changes(world.options, self._catalog)
        }
        self._write_catalog(catalog_items.columns(world.calendar, self._catalog))

    def slice_of_day(self, day: int, users: range) -> Seen:
        """The responses to these users on visits that begin on this day, and what follows.

        Returns who asked for them when.
        """
        world = self._world
        if not is_traced(world.options, day):
            return NOBODY
        rng = stream(world.options.seed, STREAM_TRACES, day, users.start)
        numbers = (self._visits, self._requests)
        requests = draw_requests(world, rng, day, users, numbers)
        if not len(requests.user):
            return NOBODY
        self._visits = int(requests.visit.max()) + 1
        self._requests += len(requests.user)
        where = (day, requests.user, requests.surface)
        experiment, arm = self._assignments.served(*where)
        requests = replace(requests, experiment=experiment, arm=arm)
        factors = self._assignments.shop_factors(*where)
        holding = rates(self._incidents, world.calendar, requests.surface, requests.created_ms)
        holding = replace(holding, slow=holding.slow * factors.slow)
        responses = draw_responses(world, rng, users, requests, holding)
        self._write_traces(requests, responses)
        rng = stream(world.options.seed, STREAM_EVENTS, day, users.start)
        events = shop_events.draw(world, rng, requests, responses, factors.click)
        self._write_events(requests, events)
        return Seen(requests.user, requests.created_ms)

    def _write_traces(self, requests: Requests, responses: Responses) -> None:
        writer = self._writers[decision_traces.TABLE.name]
        step = decision_traces.ROWS_PER_SLICE
        for first in range(0, len(requests.user), step):
            rows = np.arange(first, min(first + step, len(requests.user)))
            parts = (requests.take(rows), responses.take(rows))
            writer.write(decision_traces.columns(self._world, self._catalog, *parts))

    def _write_events(self, requests: Requests, events: shop_events.Events) -> None:
        writer = self._writers[shop_events.TABLE.name]
        for first in range(0, len(events.name), ROWS_PER_SLICE):
            rows = events.take(np.arange(first, min(first + ROWS_PER_SLICE, len(events.name))))
            writer.write(shop_events.columns(self._catalog, requests, rows, self._events))
            self._events += len(rows.name)

    def end_of_day(self, day: int) -> None:
        """New versions of items arrive in a part of their own."""
        change = self._changes.get(day)
        if change is not None:
            self._write_catalog(catalog_items.changed(self._world.calendar, change))
            self.changed_items += len(change.items)
            self._catalog = change.catalog

    def _write_catalog(self, rows: Columns) -> None:
        writer = self._writers[catalog_items.TABLE.name]
        writer.write(rows)
        writer.close_part()
