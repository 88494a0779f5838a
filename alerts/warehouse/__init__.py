"""Connections to the warehouse, taken from the dbt profile."""

from alerts.warehouse.base import Relation, Warehouse
from alerts.warehouse.connect import open_warehouse

__all__ = ["Relation", "Warehouse", "open_warehouse"]
