"""Code for sheets of every format: number formats, regions of a sheet, and tables from rows."""
