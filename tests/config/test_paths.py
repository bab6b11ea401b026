"""A path that cannot be is refused in one line wherever a user names one."""

from __future__ import annotations

import pytest

from gencompare.config.check import check_run
from gencompare.config.typed import SettingError
from gencompare.evaluation.extractors import fetched
from gencompare.evaluation.samples import load_samples
from gencompare.imagesets import make_image_set

from .test_plan import load


def image_set(name, setting):
    return lambda path: make_image_set({"name": name, setting: path}).check()


NAMED = {
    "folder": image_set("folder", "path"),
    "folder_name": lambda path: make_image_set({"name": "folder", "path": path}).folder_name(),
    "cub200": image_set("cub200", "folder"),
    "cifar10": image_set("cifar10", "folder"),
    "fashion_mnist": image_set("fashion_mnist", "folder"),
    "pandas": image_set("pandas", "folder"),
    "samples": lambda path: load_samples(path, (16, 16, 3)),
    "score": lambda path: check_run(load(samples=path).plan, {"score"}),
    "weights": lambda path: fetched("", path, "inception"),
}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize(
    ("path", "said"),
    [("~nobody_at_all/x", "home directory"), ("x" * 5000, "File name too long")],
    ids=["no_home", "long"],
)
def test_refused_in_one_line(name, path, said):
    with pytest.raises(SettingError) as refused:
        NAMED[name](path)
    assert said in refused.value.message
    assert path[:100] in refused.value.message
    assert len(refused.value.message) < 300
