"""The demo: a simulated shop through load, build and check, and its alerts against the truth."""
