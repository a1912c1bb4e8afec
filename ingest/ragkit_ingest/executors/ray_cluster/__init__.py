"""Reading, chunking and embedding in the actors of a Ray cluster."""
