"""Which files there are, and which are new, changed or deleted."""
