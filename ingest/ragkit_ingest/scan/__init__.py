"""Find the files of a folder, and decide which are new, changed or deleted."""
