"""API keys: the key file and the comparison of keys."""
