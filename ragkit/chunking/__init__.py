"""Documents into chunks: what is never split, how chunks are packed, and the context line of each."""
