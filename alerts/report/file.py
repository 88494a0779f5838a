"""A page or a picture, written whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a file; an earlier one is replaced whole or not at all.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    try:
        # A terminal or a pipe, such as /dev/stdout, is written to: it cannot be replaced.
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        place = path.resolve()
        unfinished = place.with_name(f"{place.name}.{os.getpid()}")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(place)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror or error}") from None
