"""A contender becomes an MLflow model once, however often it is logged, and answers requests."""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from gencompare.config.typed import SettingError
from gencompare.sampling.saved import FILES, choose, read
from gencompare.tracking.model import log_model
from gencompare.tracking.server import connect


@pytest.fixture
def trained(tmp_path, leave_training):
    """A conditional DCGAN that has learnt nothing."""
    leave_training(tmp_path / "models", "one/squares/dcgan", seed=4)
    return choose(tmp_path / "models", "one.dcgan")


@pytest.fixture
def client_and_run(tmp_path, database):
    server = {"tracking_uri": f"sqlite:///{database}", "artifact_location": (tmp_path / "artifacts").as_uri()}
    client, experiment = connect(server)
    return client, client.create_run(experiment).info.run_id


def test_a_model_is_logged_once_even_if_it_was_cut_short(client_and_run, trained, monkeypatch, tmp_path):
    client, run = client_and_run
    files = {name: str(trained.find(name)) for name in FILES if not name.startswith("best")}

    def away(*_):
        raise OSError("away")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="away"):
        patched.setattr(client, "log_model_artifacts", away)
        log_model(client, run, files, "card")
    for _ in range(2):
        log_model(client, run, files, "card")
    (output,) = client.get_run(run).outputs.model_outputs
    logged = client.get_logged_model(output.model_id)
    assert logged.status == "READY"

    model = mlflow.pyfunc.load_model(logged.artifact_location)
    own = read(trained.find)
    assert np.array_equal(model.predict(pd.DataFrame({"n": [3]})), own.sample(3, own.labels(None, 3), 4))
    asked = pd.DataFrame({"n": [2, 3], "seed": [5, 6], "labels": [[1], [2, 0]]})
    expected = [own.sample(2, np.array([1, 1]), 5), own.sample(3, np.array([2, 0, 2]), 6)]
    assert np.array_equal(model.predict(asked), np.concatenate(expected))
    refused = [({"n": [0]}, "n=0"), ({"n": [1], "labels": [[7]]}, r"labels=\[7\]")]
    refused += [
        ({"n": [1], "seed": [seed]}, f"seed={seed}: must be from 0 to 4294967295") for seed in (-1, 2**32)
    ]
    refused += [({"n": [1, 10**12]}, "n=1000000000001: the memory")]
    for wrong, said in refused:
        with pytest.raises(SettingError, match=said):
            model.predict(pd.DataFrame(wrong))
    assert not [path for path in Path(tmp_path).rglob("*.pkl")]
