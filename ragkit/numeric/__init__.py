"""Arrays, vectors, sorted ids and statistics."""
