"""Both search indexes in PostgreSQL, for collections whose store is there: pgvector for vectors, tables for terms."""
