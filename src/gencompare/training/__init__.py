"""The one training loop, its checkpoints and its progress."""

from gencompare.training.checkpoint import fingerprint
from gencompare.training.loop import Trained, TrainingSettings, train

__all__ = ["Trained", "TrainingSettings", "fingerprint", "train"]
