"""The demo's steps as it tells them: what each did, and the seconds it took."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Steps:
    """Times each step and tells it as one line when it is done."""

    def __init__(self, echo: Callable[[str], None]) -> None:
        self._echo = echo
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[str], None]]:
        """Time what happens inside; the function that is yielded takes what to say of it."""
        said: list[str] = []
        started = time.monotonic()
        yield said.append
        took = time.monotonic() - started
        self.seconds[name] = round(took, 2)
        self._echo(f"  {len(self.seconds):>2}  {name:<18}{took:>6.1f} s   {'; '.join(said)}")
