"""A team's own Postgres, as docs/supabase.sql prepares it, entered under one role or another."""

from __future__ import annotations

from contextlib import closing
from typing import Any
from urllib.parse import urlencode

import psycopg2

from tests.project.harness import ROOT

DOCS = ROOT / "docs"
ROLES = ("recwatch_read", "recwatch_build", "recwatch_state", "recwatch_test_admin")
PASSWORD = "not-a-secret"


class Database:
    """One database, entered under one role or another."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings

    def run(self, sql: str, role: str = "recwatch_test_admin") -> list[tuple[Any, ...]]:
        """Run statements in one transaction; the rows of the last one, if it has any."""
        given = {**self.settings, "user": role, "password": PASSWORD}
        connected = closing(psycopg2.connect(**given))
        with connected as connection, connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def prepare(self) -> list[tuple[Any, ...]]:
        """What docs/supabase.sql says does not fit yet."""
        amiss = self.run((DOCS / "supabase.sql").read_text())
        for role in ("recwatch_build", "recwatch_read", "recwatch_state"):
            self.run(f"alter role {role} password '{PASSWORD}'")
        return amiss

    def environment(self, role: str) -> dict[str, str]:
        """The variables of profiles.yml.example, as docs/supabase.md gives them."""
        given = {**self.settings, "user": role, "password": PASSWORD, "sslmode": "prefer"}
        return {
            "RECWATCH_TARGET": "postgres",
            **{f"RECWATCH_PG_{name.upper()}": str(value) for name, value in given.items()},
        }

    def url(self, role: str) -> str:
        """The database as SQLAlchemy names it."""
        given = {**self.settings, "user": role, "password": PASSWORD}
        return f"postgresql://?{urlencode(given)}".replace(
            "postgresql://?", f"postgresql:///{given['dbname']}?"
        )
