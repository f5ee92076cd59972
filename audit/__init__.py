"""The journal: append-only, hash-chained; one writer, `record(...)`; a closed list of actions."""
