"""What a user can choose about tracking."""

from __future__ import annotations

from gencompare.config.typed import settings


@settings
class TrackingSettings:
    """Where runs are recorded.

    Attributes:
        tracking_uri: a file in the project folder, or the address of any MLflow server. The environment's
            `MLFLOW_TRACKING_URI` goes before it.
    """

    tracking_uri: str = "sqlite:///mlflow.db"
