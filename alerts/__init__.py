"""Possible matches: how they are raised, decided, answered by officers, counted and purged."""
