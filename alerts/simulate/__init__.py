"""A simulated shop with planted incidents, and the truth about them.

`simulate(directory, options)` writes `directory/<raw table>/part-0001.jsonl …`, numbered in the
order of arrival, and `directory/truth.json`.
"""

from alerts.simulate.options import FileFormat, Options
from alerts.simulate.run import Summary, WrittenTable, count_steps, simulate

__all__ = ["FileFormat", "Options", "Summary", "WrittenTable", "count_steps", "simulate"]
