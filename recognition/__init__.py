"""The engine: weights, detection, alignment, embedding, quality, tracking. No Django, no database, no network."""
