"""Readers: one file for each format, chosen by content; users add theirs by the entry-point group ragkit.readers."""
