"""What MLflow is told, and how: written down on disk first, and delivered beside the run whenever MLflow answers."""
