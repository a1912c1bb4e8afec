"""Measuring retrieval honestly: data sets, metrics with intervals, and the comparison of two runs."""
