"""A FIFO worker, helper threads, and the bridge between threads and event loops."""
