"""One run: evaluate the rules, decide what to send, deliver it. Three steps that stay apart."""

from alerts.runner.compose import Outgoing, decide
from alerts.runner.deliver import Sent, deliver
from alerts.runner.evaluate import Episode, Evaluation, Result, Settings, evaluate
from alerts.runner.receivers import Outlets, open_receivers

__all__ = [
    "Episode",
    "Evaluation",
    "Outgoing",
    "Outlets",
    "Result",
    "Sent",
    "Settings",
    "decide",
    "deliver",
    "evaluate",
    "open_receivers",
]
