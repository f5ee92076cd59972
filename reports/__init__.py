"""Reports on the other apps: the audit log, the records of deployments and their downloads."""
