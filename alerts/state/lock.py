"""One run at a time. Whoever comes second is told who is first; whoever dies frees the lock."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.errors import LockedError, StateError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True)
class Holder:
    """Who holds the lock. `command` is the subcommand alone: an argument may hold a secret."""

    command: str
    host: str
    pid: int
    since: str

    @classmethod
    def here(cls, command: str, now: datetime) -> Holder:
        """This process."""
        since = now.isoformat(timespec="seconds")
        return cls(command, socket.gethostname(), os.getpid(), since)

    @property
    def words(self) -> str:
        """`recwatch check, process 4711 on etl-1, since 2025-03-10T06:00:00+00:00`."""
        return f"{self.command}, process {self.pid} on {self.host}, since {self.since}"


def held(place: str, words: str) -> LockedError:
    """The error of the run that came second."""
    return LockedError(f"{place}: held by {words or 'another run'}: wait until that has ended")


class FileLock:
    """A lock of the operating system on a file beside the state.

    The system frees it when the process is gone, however it went. The file stays: to delete it
    would let two runs hold two files of one name.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path, place: str, holder: Holder) -> FileLock:
        """The lock, or a `LockedError` that names who has it."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StateError(
                f"{place}: {path.name} beside it cannot be written ({error.strerror}): give "
                "recwatch the right to write in that directory, or name another --state"
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            words = _read(descriptor)
            os.close(descriptor)
            raise held(place, words) from None
        except OSError as error:
            os.close(descriptor)
            raise StateError(
                f"{place}: {path.name} cannot be locked ({error.strerror}): put the state on a "
                "disk with file locks"
            ) from None
        lock = cls(descriptor)
        lock._sign(holder)
        return lock

    def _sign(self, holder: Holder) -> None:
        """Write who holds it. A full disk must not keep the run from saying so later, better."""
        content = json.dumps(vars(holder)).encode()
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, content, 0)
        except OSError:
            return

    def release(self) -> None:
        """Free it; nobody is named by it any more."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def _read(descriptor: int) -> str:
    """Who holds the lock; empty where that cannot be found out.

    Whoever has just taken it has not signed yet; a process that was killed left its name.
    """
    for _ in range(20):
        with suppress(OSError, ValueError, TypeError):
            holder = Holder(**json.loads(os.pread(descriptor, 10_000, 0)))
            if holder.host != socket.gethostname() or _lives(holder.pid):
                return holder.words
        time.sleep(0.01)
    return ""


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
