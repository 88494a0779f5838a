"""What `recwatch doctor` looks at, one thing after the other, each with what to do about it."""

from alerts.doctor.examine import Patient, examine
from alerts.doctor.finding import Finding

__all__ = ["Finding", "Patient", "examine"]
