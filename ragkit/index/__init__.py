"""Search indexes as caches: built from the store, verified before use, rebuilt when anything is wrong."""
