"""Detectors: pure functions from a series of rows to verdicts."""
