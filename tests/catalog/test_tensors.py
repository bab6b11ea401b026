"""Facts about the dataset of weights."""

from __future__ import annotations

import pytest
import torch
from kedro.io import DatasetError
from safetensors.torch import load_file

from gencompare.catalog.tensors import TensorsDataset


@pytest.mark.parametrize("tensors", [{}, {"g.w": torch.randn(3, 4), "g.n": torch.arange(3)}])
def test_round_trip_in_a_file_that_others_can_read(tmp_path, tensors):
    dataset = TensorsDataset(filepath=str(tmp_path / "weights.safetensors"))
    assert not dataset.exists()
    dataset.save(tensors)
    for found in (dataset.load(), load_file(tmp_path / "weights.safetensors")):
        assert found.keys() == tensors.keys()
        assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_a_pickle_is_refused(tmp_path):
    torch.save({"g.w": torch.zeros(1)}, tmp_path / "weights.safetensors")
    with pytest.raises(DatasetError):
        TensorsDataset(filepath=str(tmp_path / "weights.safetensors")).load()
