"""What is remembered between runs: which alert is told, what waits to be sent, who is silenced.

The state machine is pure; the store, which needs SQLAlchemy, is imported by who opens it.
"""

from alerts.state.advance import Advance, advance
from alerts.state.machine import step
from alerts.state.model import (
    Because,
    Episode,
    Observation,
    Outage,
    Policy,
    Record,
    State,
    Step,
    Stretch,
    Transition,
)
from alerts.state.silence import Silence

__all__ = [
    "Advance",
    "Because",
    "Episode",
    "Observation",
    "Outage",
    "Policy",
    "Record",
    "Silence",
    "State",
    "Step",
    "Stretch",
    "Transition",
    "advance",
    "step",
]
