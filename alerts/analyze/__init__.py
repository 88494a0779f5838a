"""Experiments outside the warehouse: those in a file, and those still to be planned.

The statistics are those of `alerts.experiments`, as everywhere; here is what feeds them and how
their results are shown.
"""
