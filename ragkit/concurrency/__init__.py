"""Threads that help, and the bridge between threads and event loops."""
