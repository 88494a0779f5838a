"""A simulated shop with planted incidents, and the truth about them."""
