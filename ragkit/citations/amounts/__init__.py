"""Numbers in prose: their units, bounds, ranges and dates, what they count, and values that were replaced."""
