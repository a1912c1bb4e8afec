"""The portable file of a collection: written from PostgreSQL, and read into it; see `ragkit.store.sqlite.backup`."""
