"""How often the tests of `alerts.experiments` are wrong, measured on simulated experiments.

`make calibrate` writes the table docs/calibration.md. Users are drawn and summed in arrays; every
decision is taken by the functions that the product calls.
"""
