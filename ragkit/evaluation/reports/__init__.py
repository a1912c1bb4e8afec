"""Reports, plots and the comparison of two runs."""
