"""Static models: a vector is the mean of the rows that a table has for the tokens of a text."""
