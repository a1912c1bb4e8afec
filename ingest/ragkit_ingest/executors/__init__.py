"""Where a run of ingest does its work: processes of this machine, or a Ray cluster."""
