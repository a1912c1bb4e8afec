"""Jobs: uploads and removals in a queue on disk, done by a separate process."""
