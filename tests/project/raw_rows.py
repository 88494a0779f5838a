"""Statements that insert one raw row, for tests that say which."""

from __future__ import annotations


def impression(number: int, day: int, **changes: str) -> str:
    """A statement that inserts one clicked impression of a day in March 2025."""
    values = {
        "id": f"'i{number}'",
        "user_id": "'u1'",
        "surface": "'home'",
        "click_through": "true",
        "dwell_time_ms": "1500",
        "recommendation_id": f"'r{number}'",
        "metadata": f"""'{{"session_id": "s{number}"}}'""",
        "created_at": f"timestamptz '2025-03-{day:02d} 12:00:00+00'",
        "loaded_at": "timestamptz '2025-04-01 00:00:00+00'",
        **changes,
    }
    names, marks = ", ".join(values), ", ".join(values.values())
    return f"insert into raw.personalization_metrics ({names}) values ({marks})"


def session(number: int, day: int, started_at: str | None = None) -> str:
    """A statement that inserts the session of that number, on a day in March 2025."""
    started_at = started_at or f"timestamptz '2025-03-{day:02d} 11:00:00+00'"
    return (
        "insert into raw.sessions (session_id, user_id, started_at, loaded_at) values"
        f" ('s{number}', 'u1', {started_at}, timestamptz '2025-04-01 00:00:00+00')"
    )
