"""Rules: the file people write, checked strictly."""

from pathlib import Path

from alerts.rules.load import RuleSet, load_rules
from alerts.rules.model import (
    Drop,
    ExperimentDelta,
    ExperimentGuardrail,
    Freshness,
    Quarantine,
    Rule,
    RuleFile,
    Slack,
    Srm,
    Streak,
    Threshold,
    WeekOverWeek,
    ZScore,
)

DEFAULT_RULES = Path(__file__).parent.parent / "rules.yml"

__all__ = [
    "DEFAULT_RULES",
    "Drop",
    "ExperimentDelta",
    "ExperimentGuardrail",
    "Freshness",
    "Quarantine",
    "Rule",
    "RuleFile",
    "RuleSet",
    "Slack",
    "Srm",
    "Streak",
    "Threshold",
    "WeekOverWeek",
    "ZScore",
    "load_rules",
]
