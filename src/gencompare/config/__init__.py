"""From YAML and command line to complete, checked settings, once. Nothing here imports torch."""
