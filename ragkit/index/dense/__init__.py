"""The vector index: a FAISS file, the delta on top of it, and its quantizer."""
