"""Scrutiny: an external panel reviews random, de-identified dossiers of possible matches and records findings."""
