"""The recognition engine, from model weights to tracking. It uses no Django, no database and no network."""
