"""The camera agent: streams a video file or an RTSP stream to a server. It needs nothing else of this project."""
