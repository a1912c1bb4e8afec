"""The commands `ragkit ingest` and `ragkit extract`."""
