"""Tables of other programs in a PostgreSQL database, beside those of the collections."""
