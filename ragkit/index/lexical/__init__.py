"""The index of terms: a tantivy folder, the delta on top of it, and BM25 over both."""
