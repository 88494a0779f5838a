"""Raw tables: what they hold, and the strict reader that fills them."""
