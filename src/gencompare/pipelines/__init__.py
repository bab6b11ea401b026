"""Kedro pipelines: thin nodes around the domain rooms, and how they hang together."""
