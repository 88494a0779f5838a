"""One run: evaluate the rules, decide what to send, deliver it. Three steps that stay apart.

`check` puts them together; it needs the state and SQLAlchemy, so who needs it imports it.
"""

from alerts.runner.evaluate import Episode, Evaluation, Result, Settings, evaluate
from alerts.runner.receivers import Outlets, open_receivers

__all__ = [
    "Episode",
    "Evaluation",
    "Outlets",
    "Result",
    "Settings",
    "evaluate",
    "open_receivers",
]
