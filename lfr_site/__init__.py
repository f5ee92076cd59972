"""The Django site: settings, URLs, sockets, roles, embedded services and management commands."""
