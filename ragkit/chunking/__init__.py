"""Documents into chunks: units that are not split, their packing, and the context line of each chunk."""
