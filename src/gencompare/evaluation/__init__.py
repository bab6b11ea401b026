"""Scores of saved sample sets, each with the passport that says what it may be compared with."""
