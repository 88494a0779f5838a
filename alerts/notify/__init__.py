"""Receivers: where a message goes. They know messages, not rules."""
