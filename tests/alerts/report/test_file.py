"""A file is replaced whole, or written to where it cannot be replaced, or it is an error."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from alerts.errors import ConfigurationError
from alerts.report.file import write_whole

if TYPE_CHECKING:
    from pathlib import Path


def test_a_link_still_leads_to_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    place = tmp_path / "there" / "page.html"
    place.write_text("old")
    link = tmp_path / "link.html"
    link.symlink_to(place)
    write_whole(link, "new")
    assert link.is_symlink()
    assert place.read_text() == "new"
    assert [one.name for one in place.parent.iterdir()] == ["page.html"]


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    came: list[str] = []
    reading = threading.Thread(target=lambda: came.append(pipe.read_text()), daemon=True)
    reading.start()
    write_whole(pipe, "<svg>")
    reading.join(10)
    assert came == ["<svg>"]
    assert pipe.is_fifo()


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no/x\.svg: cannot be written: No such file"):
        write_whole(tmp_path / "no" / "x.svg", "")
    with pytest.raises(ConfigurationError, match="cannot be written: Is a directory"):
        write_whole(tmp_path, "")
