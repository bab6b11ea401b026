"""A trained contender as an MLflow model: files and a loader, never a pickle."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from mlflow import MlflowClient

NAME = "model"
LOADER = "gencompare.tracking.predictor"
REQUIREMENTS = ("gencompare", "torch", "numpy", "pandas", "safetensors", "scikit-learn", "pydantic", "mlflow")
"""Said here, or MLflow would load the model in another process to find out."""


def log_model(client: MlflowClient, run_id: str, files: Mapping[str, str], card: str) -> None:
    """Log a model of a run, unless it has the same one already.

    Args:
        client: of MLflow.
        run_id: MLflow's, of the contender's run.
        files: what `sampling.saved.read` reads, and pictures, by their name in the model.
        card: the model's card.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    run = client.get_run(run_id)
    weights = hashlib.sha256(Path(files["weights.safetensors"]).read_bytes()).hexdigest()
    outputs = run.outputs.model_outputs if run.outputs else []
    logged = [client.get_logged_model(one.model_id) for one in outputs]
    model = next((one for one in logged if one.tags.get("weights") == weights), None)
    if model is None:
        facts = {"weights": weights}, dict(run.data.params)
        model = client.create_logged_model(run.info.experiment_id, NAME, run_id, *facts, model_type="images")
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    elif model.status == LoggedModelStatus.READY:
        return
    with TemporaryDirectory() as folder:
        data = Path(folder) / "contender"
        data.mkdir()
        for name, path in files.items():
            shutil.copy(path, data / name)
        (data / "README.md").write_text(card)
        client.log_model_artifacts(
            model.model_id, save_model(data, Path(folder) / NAME, model.model_id, run_id)
        )
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)


def save_model(data: Path, folder: Path, model_id: str | None = None, run_id: str | None = None) -> str:
    """Write an MLflow model of a folder of files, and return its own folder."""
    from mlflow import pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types.schema import Array, ColSpec, DataType, Schema, TensorSpec

    asks: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.long, "n"),
        ColSpec(DataType.long, "seed", required=False),
        ColSpec(Array(DataType.long), "labels", required=False),
    ]
    gives: list[ColSpec | TensorSpec] = [TensorSpec(np.dtype("uint8"), (-1, -1, -1, -1))]
    pyfunc.save_model(
        str(folder),
        loader_module=LOADER,
        data_path=str(data),
        mlflow_model=Model(model_id=model_id, run_id=run_id),
        signature=ModelSignature(Schema(asks), Schema(gives)),
        input_example=pd.DataFrame({"n": [16], "seed": [0]}),
        pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
    )
    return str(folder)
