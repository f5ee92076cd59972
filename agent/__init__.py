"""The camera agent: streams a video file or an RTSP stream to a server. It does not need the rest of this project."""
