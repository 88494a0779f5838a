"""The tables of the state. Data times and wall times are ISO texts: one order on both engines."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 1
# "rcwt", in the header of the SQLite file: whose file it is, before any table is read.
APPLICATION_ID = 0x72637774
# In Postgres, so that the tables of the state are never taken for marts.
SCHEMA = "recwatch_state"

METADATA = MetaData()


def _text(name: str, **more: Any) -> Column[Any]:
    return Column(name, Text, nullable=False, **more)


META = Table("meta", METADATA, _text("name", primary_key=True), _text("value"))

RECORDS = Table(
    "records",
    METADATA,
    _text("fingerprint", primary_key=True),
    _text("rule"),
    _text("labels"),
    _text("state"),
    _text("body"),
    _text("updated"),
    _text("seal"),
)

TRANSITIONS = Table(
    "transitions",
    METADATA,
    Column("id", Integer, primary_key=True),
    _text("fingerprint", index=True),
    _text("rule", index=True),
    _text("labels"),
    _text("severity"),
    Column("episode", Integer, nullable=False),
    _text("kind"),
    Column("at", Text),
    Column("since", Text),
    Column("value", Float),
    _text("reason"),
    Column("told", Boolean, nullable=False),
    _text("because"),
    _text("suppressed"),
    _text("recorded"),
    _text("seal"),
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("id", Integer, primary_key=True),
    _text("key", unique=True),
    _text("receiver"),
    _text("action"),
    _text("message"),
    Column("root", Text, ForeignKey("deliveries.key", ondelete="SET NULL"), index=True),
    _text("status", index=True),
    Column("attempts", Integer, nullable=False),
    _text("detail"),
    _text("reference"),
    _text("delivered_by"),
    _text("created"),
    _text("updated"),
    _text("seal"),
)

# Which episodes a delivery tells of: the first one of an episode is the thread of those after.
DELIVERED = Table(
    "delivery_incidents",
    METADATA,
    Column("key", Text, ForeignKey("deliveries.key", ondelete="CASCADE"), primary_key=True),
    _text("fingerprint", primary_key=True),
    Column("episode", Integer, primary_key=True),
    Index("ix_delivery_incidents_incident", "fingerprint", "episode"),
)

SILENCES = Table(
    "silences",
    METADATA,
    Column("id", Integer, primary_key=True),
    _text("author"),
    _text("reason"),
    _text("matchers"),
    _text("starts"),
    _text("ends"),
    _text("created"),
    _text("seal"),
)

ACTIONS = Table(
    "actions",
    METADATA,
    Column("id", Integer, primary_key=True),
    _text("experiment", index=True),
    _text("rule"),
    _text("what"),
    _text("outcome"),
    Column("at", Text),
    _text("created"),
    _text("seal"),
)


def seal(table: Table, row: Mapping[str, Any]) -> str:
    """A digest of the row: SQLite's own check sees broken pages, but not a changed letter.

    The number that the database gives is left out; its index guards it.
    """
    names = [column.name for column in table.columns if column.name not in {"id", "seal"}]
    content = json.dumps([table.name, *(row[name] for name in names)], ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def sealed(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row to write, NUL replaced, which Postgres cannot hold, and with its digest."""
    clean = {
        name: value.replace("\0", "\ufffd") if isinstance(value, str) else value
        for name, value in row.items()
    }
    return {**clean, "seal": seal(table, clean)}
