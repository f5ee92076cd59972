"""The names of the permissions of audit."""

READ_JOURNAL = "audit.read_journal"
