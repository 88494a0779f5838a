"""Rules: the file people write, checked strictly."""
