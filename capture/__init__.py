"""From a camera's frame to an alert: socket, frame queue, pipeline. It holds no rows of its own."""
