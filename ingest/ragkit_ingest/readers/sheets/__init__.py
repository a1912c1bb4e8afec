"""What sheets of every format share: number formats, regions of a sheet, and tables out of rows."""
