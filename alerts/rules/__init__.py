"""Rules: the file people write, checked strictly."""

from pathlib import Path

from alerts.rules.load import RuleSet, load_rules
from alerts.rules.model import Rule, RuleFile, Slack, Threshold, WeekOverWeek

DEFAULT_RULES = Path(__file__).parent.parent / "rules.yml"

__all__ = [
    "DEFAULT_RULES",
    "Rule",
    "RuleFile",
    "RuleSet",
    "Slack",
    "Threshold",
    "WeekOverWeek",
    "load_rules",
]
