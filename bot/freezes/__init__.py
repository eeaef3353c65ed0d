"""Freezes: windows in which environments take no deployments, from the configuration or declared by people."""
