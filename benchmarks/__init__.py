"""Measurements. Each prints what it ran; claims of speed are ratios to a baseline of the same run."""
