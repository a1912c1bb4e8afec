"""Data sets in their formats: BEIR folders, page sets, span sets and labelled questions."""
