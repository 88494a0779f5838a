"""Receivers: where a message goes. They know messages, not rules."""

from alerts.notify.console import ConsoleReceiver
from alerts.notify.message import Alert, Delivery, Message, Parcel, Receiver

__all__ = ["Alert", "ConsoleReceiver", "Delivery", "Message", "Parcel", "Receiver"]
