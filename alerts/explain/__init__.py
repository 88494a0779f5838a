"""Why a value moved: an exact split of its change, in words, and a small chart. All pure."""

from alerts.explain.choose import concentration, largest, most_telling
from alerts.explain.spark import chart, spark
from alerts.explain.split import Amount, Key, Part, Split, split_count, split_ratio
from alerts.explain.words import Terms, sentences

__all__ = [
    "Amount",
    "Key",
    "Part",
    "Split",
    "Terms",
    "chart",
    "concentration",
    "largest",
    "most_telling",
    "sentences",
    "spark",
    "split_count",
    "split_ratio",
]
