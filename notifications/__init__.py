"""Webhooks and email: notifications of what happened to alerts, sent to subscribers outside the system."""
