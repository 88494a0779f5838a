"""Statistics of experiments: pure functions from sufficient statistics to results.

Nothing here reads a warehouse, a clock or the network. What goes in is a few sums per arm
(`Moments`); what comes out are frozen results, or a `Refusal` that says why there is none.
"""
