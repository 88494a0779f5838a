"""The errors a user can meet, each with the exit code the contract gives it.

Every message is one or two lines that name the file, rule, relation or receiver and say what to
do. The command line prints the message and exits; no traceback reaches a user.
"""

from typing import ClassVar


class RecwatchError(Exception):
    """Something a user can mend. Subclasses carry the exit code."""

    exit_code: ClassVar[int] = 2


class ConfigurationError(RecwatchError):
    """Wrong usage or configuration: a flag, a rule file, a profile, an input file."""

    exit_code = 2


class WarehouseError(RecwatchError):
    """The warehouse cannot be read or written: unreachable, locked, a relation is missing."""

    exit_code = 3


class MissingRelationError(WarehouseError):
    """A table or view that is not there: nobody has built it, or a rebuild is under way."""


class DeliveryError(RecwatchError):
    """A message could not be delivered to its receiver."""

    exit_code = 4


class LockedError(RecwatchError):
    """Another run holds the lock; the message names it."""

    exit_code = 5


class StateError(RecwatchError):
    """The state cannot be used: missing, damaged, of another version, read-only, a full disk."""

    exit_code = 6
