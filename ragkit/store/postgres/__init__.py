"""The store in PostgreSQL: collections in one database, for any number of machines."""
