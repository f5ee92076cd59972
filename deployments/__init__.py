"""Authority, cameras and the live window."""
