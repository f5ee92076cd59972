"""From a camera's frame to an alert: the socket, the frame queue and the pipeline. It has no models."""
