"""Copies of the vectors of units on this machine, for a store whose rows come over a network."""
