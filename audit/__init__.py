"""The audit log: append-only and hash-chained, with one writer, `record(...)`, and a closed list of actions."""
