"""What happens around a run, one file a concern; `settings.py` says in which order."""
