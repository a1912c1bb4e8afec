"""Adding documents: the batches that are embedded together, and how a run is stopped."""
