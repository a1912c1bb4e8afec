"""The state of a service beside its collections: keys, jobs and the audit log, in its folder or in a database."""
