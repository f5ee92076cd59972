"""The audit log: append-only, in a tree that others can verify, with one writer and a closed list of actions."""
