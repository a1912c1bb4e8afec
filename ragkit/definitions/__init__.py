"""Files that users write (templates, chains, schemas): read with line numbers, checked, rendered in a sandbox."""
