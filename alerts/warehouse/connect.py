"""The way from a dbt target to an open connection: one module per engine, imported when needed."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    from alerts.warehouse.base import Warehouse
    from alerts.warehouse.profile import Target

# The profile's `type` -> the module with `connect(target, read_only) -> Warehouse`.
ENGINES: dict[str, str] = {
    "duckdb": "alerts.warehouse.duckdb_engine",
    "postgres": "alerts.warehouse.postgres_engine",
    "spark": "alerts.warehouse.spark_engine",
}


def open_warehouse(target: Target, *, read_only: bool = True) -> Warehouse:
    """A connection to the target's warehouse; the caller closes it."""
    module = ENGINES.get(target.type)
    if module is None:
        known = ", ".join(ENGINES)
        raise ConfigurationError(
            f"target {target.name!r} is of type {target.type!r}: recwatch reads {known}"
        )
    warehouse: Warehouse = importlib.import_module(module).connect(target, read_only)
    return warehouse
