"""Where tables go."""

from __future__ import annotations

import sys

from rich.console import Console

# Not a terminal, no width: wide enough for a row to stay on a line.
WIDE = 160


def console(width: int = WIDE) -> Console:
    """The standard output: as wide as the terminal, or `width`; text is taken as it stands."""
    return Console(
        file=sys.stdout,
        width=None if sys.stdout.isatty() else width,
        highlight=False,
        markup=False,
    )
