"""Connections to the warehouse, taken from the dbt profile."""

from alerts.warehouse.base import Relation, Warehouse
from alerts.warehouse.connect import open_warehouse
from alerts.warehouse.profile import Project, Target, read_project, resolve_target

__all__ = [
    "Project",
    "Relation",
    "Target",
    "Warehouse",
    "open_warehouse",
    "read_project",
    "resolve_target",
]
