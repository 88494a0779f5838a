"""What the commands about experiments print: JSON with stable keys, and tables for people."""
