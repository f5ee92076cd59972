"""Webhooks and e-mail: what happened to alerts, read from their acts and sent to subscribers outside the system."""
