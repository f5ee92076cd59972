"""Frame to faces to possible match to human decision; the live sockets."""
