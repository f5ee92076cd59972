"""Deployments: applications, authority, periods, cameras and live operations."""
