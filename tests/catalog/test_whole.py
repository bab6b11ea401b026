"""Artifacts are there whole or not at all, a run reads its own, and the newest version is the one written last."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock, Timeout
from kedro.io import DatasetError
from PIL import Image

from gencompare.catalog.whole import WholeCatalog
from gencompare.config.typed import SettingError
from gencompare.imagesets.arrays import Images
from gencompare.imagesets.folder import Folder

NOW, EARLIER = "2030-05-05T05.05.05.500Z", "2029-01-01T01.01.01.001Z"


def make(folder, version=NOW, **more) -> WholeCatalog:
    entries = {
        "numbers": {"type": "json.JSONDataset", "filepath": f"{folder}/numbers.json", "versioned": True},
        "table": {"type": "pandas.CSVDataset", "filepath": f"{folder}/table.csv"},
        "samples": {
            "type": "gencompare.catalog.image_array.ImageArrayDataset",
            "filepath": f"{folder}/samples.npz",
            "versioned": True,
        },
        "pictures": {
            "type": "partitions.PartitionedDataset",
            "path": f"{folder}/pictures",
            "dataset": "json.JSONDataset",
            "filename_suffix": ".json",
            "overwrite": True,
        },
    }
    return WholeCatalog.from_config(entries, save_version=version, **more)


def names(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_cannot_be_saved_leaves_nothing(tmp_path):
    catalog = make(tmp_path)
    with pytest.raises(DatasetError):
        catalog.save("numbers", {"half": 1, "other half": object()})
    assert list(tmp_path.iterdir()) == []
    catalog.save("numbers", {"whole": 1})
    assert names(tmp_path) == [f"numbers.json/{NOW}/numbers.json"]
    assert catalog.load("numbers") == {"whole": 1}


def test_notes_are_laid_before_another_run_can_read_a_version_or_replace_a_folder(tmp_path):
    found = []

    def lay(name, folder):
        (folder / "note").write_text(name)
        if name == "numbers":
            found.append(make(tmp_path, EARLIER).exists(name))
        else:
            with pytest.raises(Timeout):
                FileLock(tmp_path / ".pictures.lock", timeout=0).acquire()

    catalog = make(tmp_path)
    catalog.when_saving = lay
    catalog.save("numbers", {"whole": 1})
    catalog.save("pictures", {})
    assert names(tmp_path / "numbers.json") == [f"{NOW}/note", f"{NOW}/numbers.json"]
    catalog.save("pictures", {"one": {"a": 1}})
    catalog.save("pictures", {"two": {"a": 2}})
    assert names(tmp_path / "pictures") == ["note", "two.json"]
    assert found == [False]


def test_a_file_without_versions_is_replaced_at_once(tmp_path):
    import pandas as pd

    catalog = make(tmp_path)
    for number in (1, 2):
        catalog.save("table", pd.DataFrame({"number": [number]}))
    assert names(tmp_path) == ["table.csv"]
    assert catalog.load("table")["number"].tolist() == [2]


def test_a_run_reads_what_it_wrote_though_another_wrote_since(tmp_path):
    one, other = make(tmp_path, EARLIER), make(tmp_path, NOW)
    one.save("numbers", {"of": "one"})
    other.save("numbers", {"of": "other"})
    assert (one.load("numbers"), other.load("numbers")) == ({"of": "one"}, {"of": "other"})
    assert make(tmp_path, "2031-01-01T01.01.01.001Z").load("numbers") == {"of": "other"}


def test_a_version_is_written_once(tmp_path):
    make(tmp_path).save("numbers", {})
    catalog = make(tmp_path)
    catalog.save("numbers", {"second": 1})
    assert catalog.versions("numbers") == ["2030-05-05T05.05.05.501Z"]
    with pytest.raises(DatasetError, match="must not exist"):
        catalog.save("numbers", {})


def test_the_newest_is_the_one_written_last_though_the_clock_went_back(tmp_path, caplog):
    make(tmp_path).save("numbers", {"written": "first"})
    catalog = make(tmp_path, EARLIER)
    catalog.save("numbers", {"written": "last"})
    assert "The clock is behind" in caplog.text
    assert make(tmp_path, "2031-01-01T01.01.01.001Z").load("numbers") == {"written": "last"}


def test_a_broken_version_is_set_aside_and_those_before_it_are_there(tmp_path, caplog):
    images = Images(np.zeros((2, 8, 8, 1), np.uint8))
    for version in (EARLIER, NOW):
        make(tmp_path, version).save("samples", images)
    file = tmp_path / "samples.npz" / NOW / "samples.npz"
    file.write_bytes(file.read_bytes()[:100])
    catalog = make(tmp_path, "2031-01-01T01.01.01.001Z")
    with pytest.raises(DatasetError):
        catalog.read("samples", NOW)
    assert "samples.npz.broken" in caplog.text
    assert catalog.versions("samples") == [EARLIER]
    catalog.read("samples", EARLIER)
    assert len(catalog.load("samples")) == 2


def test_an_empty_page_is_a_broken_one(tmp_path):
    entry = {"type": "text.TextDataset", "filepath": f"{tmp_path}/report.html", "versioned": True}
    for version, text in ((EARLIER, "<p>"), (NOW, "")):
        file = tmp_path / "report.html" / version / "report.html"
        file.parent.mkdir(parents=True)
        file.write_text(text)
    catalog = WholeCatalog.from_config({"report": entry}, save_version="2031-01-01T01.01.01.001Z")
    with pytest.raises(DatasetError, match="is empty"):
        catalog.read("report", NOW)
    assert catalog.versions("report") == [EARLIER]
    catalog.read("report", EARLIER)
    assert catalog.load("report") == "<p>"


def test_what_is_forgotten_is_made_again(tmp_path):
    make(tmp_path, EARLIER).save("numbers", {})
    catalog = make(tmp_path)
    assert catalog.exists("numbers")
    catalog.forget("numbers")
    assert not catalog.exists("numbers")
    catalog.save("numbers", {})
    assert catalog.exists("numbers")


def test_a_full_disk_is_one_line(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("this machine has no /dev/full")

    catalog = make(tmp_path)

    def fill(data):
        with open("/dev/full", "wb", buffering=0) as file:
            file.write(b"content")

    catalog["numbers"].save = fill
    said = f"numbers: No space left on device for {tmp_path}/numbers.json; .*give the same command again"
    with pytest.raises(SettingError, match=said):
        catalog.save("numbers", {})


def test_images_that_cannot_be_prepared_are_one_line(tmp_path):
    (tmp_path / "photos").mkdir()
    for number in range(6):
        (tmp_path / f"photos/{number}.png").write_bytes(b"not an image %d" % number)
        Image.new("RGB", (20, 20), (number, 0, 0)).save(tmp_path / f"photos/whole{number}.png")
    catalog = WholeCatalog.from_config(
        {
            "prepared": {
                "type": "gencompare.catalog.prepared_images.PreparedImagesDataset",
                "filepath": f"{tmp_path}/prepared",
            }
        }
    )
    with pytest.raises(SettingError, match="6 of 12 image files cannot be read") as said:
        catalog.save("prepared", Folder(path=str(tmp_path / "photos"), resolution=16).prepare())
    assert "\n" not in str(said.value)
