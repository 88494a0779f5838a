"""A file as a receiver: one JSON line for each message, on disk before it counts as delivered."""

from __future__ import annotations

import errno
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from alerts.notify.document import encoded
from alerts.notify.message import Delivery

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.notify.message import Parcel

# What passes without anybody's changing the path or its permissions.
_PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EINTR}


class FileReceiver:
    """Appends to one file; readable by its owner alone where this creates it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, parcel: Parcel) -> Delivery:
        """Append a line. A half line that a killed run or a full disk left is ended first."""
        try:
            self._append(encoded(parcel) + b"\n")
        except OSError as error:
            return _failed(error)
        return Delivery("delivered", reference=parcel.key)

    def find(self, parcel: Parcel) -> Delivery | None:
        """Whether a whole line of the file carries the key."""
        mark = json.dumps(parcel.key).encode("ascii")
        with suppress(OSError), self._path.open("rb") as lines:
            for line in lines:
                if mark in line and _key(line) == parcel.key:
                    return Delivery("delivered", reference=parcel.key)
        return None

    def _append(self, line: bytes) -> None:
        new = not self._path.exists()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        handle = os.open(self._path, flags, 0o600)
        try:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                line = b"\n" + line
            written = 0
            while written < len(line):
                written += os.write(handle, line[written:])
            os.fsync(handle)
        finally:
            os.close(handle)
        if new:
            _sync_directory(self._path.absolute().parent)


def _key(line: bytes) -> str | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content.get("key") if isinstance(content, dict) else None


def _failed(error: OSError) -> Delivery:
    why = os.strerror(error.errno) if error.errno else "no reason given"
    detail = f"the file cannot be written: {why}"
    return Delivery("retryable" if error.errno in _PASSING else "refused", detail, blocks=True)


def _sync_directory(directory: Path) -> None:
    """A new file's name is on disk only when its directory is."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
