"""What rules would have sent over a past range, and how that holds against what is known of it."""
