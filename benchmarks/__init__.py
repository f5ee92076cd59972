"""Measurements. Each prints what it ran, and ratios beside a baseline of the same run where it claims speed."""
