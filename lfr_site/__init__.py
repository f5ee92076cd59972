"""Composition: settings, urls, sockets, roles, embedded services, and the commands that start things."""
