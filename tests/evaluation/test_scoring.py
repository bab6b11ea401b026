"""What a comparison sees of scoring, on real images: models whose faults are known must be told by name."""

import json
import math
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import calculate_precision_recall_full

from gencompare.config.typed import SettingError
from gencompare.evaluation import learnt, scoring
from gencompare.evaluation.bench import Bench, rows
from gencompare.evaluation.blindness import coarse
from gencompare.evaluation.passport import PassportMismatch
from gencompare.evaluation.scoring import comparable, describe_reference, score
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.evaluation.table import combined, score_table
from gencompare.imagesets.arrays import Images, ImageSplits

from .conftest import Edit

N = 300


def kinds(described: dict) -> dict[str, dict]:
    return {one["kind"]: one for one in described["scores"].values()}


def blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(image, (0, 0), sigma).reshape(image.shape) for image in images])


@pytest.fixture(scope="module")
def scored(clothes: ImageSplits, clothes_reference: dict, settings: EvaluationSettings, cache: Path) -> dict:
    """Models with one fault each, made of real images that the reference does not score."""
    images, labels = np.asarray(clothes.train.images), clothes.train.labels
    held = np.asarray(clothes.heldout.images[-N:])
    models = {
        "memorising": images[:N],
        "dropping": images[np.isin(labels, [0, 2, 4, 6, 8])][:N],
        "blurring": blurred(held, 1.5),
        "honest": held,
        "collapsed": np.repeat(held[:1], N, axis=0),
    }
    return {
        name: kinds(score(Images(made), clothes, clothes_reference, settings, cache))
        for name, made in models.items()
    }


def test_real_images_and_noise_are_far_apart_in_every_score(
    clothes_reference: dict, squares_reference: dict
) -> None:
    for reference in (clothes_reference, squares_reference):
        real, noise = kinds(reference["real_images"]), kinds(reference["noise"])
        for kind, low in real.items():
            high = noise[kind]
            if kind == "memorised":
                continue
            if low["better"] == "lower":
                assert low["high"] < high["low"], kind
            else:
                assert low["low"] > high["high"], kind


def test_a_memorising_model_is_caught_although_its_distance_is_excellent(
    scored: dict, clothes_reference: dict
) -> None:
    found, real = scored["memorising"], kinds(clothes_reference["real_images"])
    assert found["fd"]["value"] < 1.15 * real["fd"]["value"]
    assert found["memorised"]["value"] == 1.0
    assert real["memorised"]["value"] < 0.02
    assert scored["honest"]["memorised"]["value"] < 0.05


def test_a_mode_dropping_model_is_caught_by_recall_and_coverage_although_its_precision_is_excellent(
    scored: dict, clothes_reference: dict
) -> None:
    found, real = scored["dropping"], kinds(clothes_reference["real_images"])
    assert found["precision"]["value"] > 0.95 * real["precision"]["value"]
    assert found["recall"]["high"] < real["recall"]["low"]
    assert found["coverage"]["high"] < real["coverage"]["low"]
    assert found["fd"]["low"] > real["fd"]["high"]


def test_a_blurring_model_is_caught_by_precision(scored: dict, clothes_reference: dict) -> None:
    found, real = scored["blurring"], kinds(clothes_reference["real_images"])
    assert found["precision"]["high"] < 0.8 * real["precision"]["low"]
    assert found["memorised"]["value"] < 0.05


def test_a_collapsed_model_gets_finite_scores_and_no_diversity(scored: dict, clothes_reference: dict) -> None:
    found, noise = scored["collapsed"], kinds(clothes_reference["noise"])
    for kind, one in found.items():
        assert all(math.isfinite(one[part]) for part in ("value", "low", "high", "standard_error")), kind
    assert found["recall"]["value"] < 0.01
    assert found["precision"]["high"] - found["precision"]["low"] > 0.5  # one image, however often
    assert found["coverage"]["value"] < 0.1
    assert found["fd"]["low"] > 0.5 * noise["fd"]["value"]


def test_scores_of_real_images_are_torch_fidelitys(
    clothes: ImageSplits, clothes_reference: dict, settings: EvaluationSettings, cache: Path
) -> None:
    bench = Bench(clothes, settings, cache, N)
    made, real = (
        torch.from_numpy(bench.features(bench.drawn(split)).astype(np.float64))
        for split in ("train", "heldout")
    )
    statistics = [fid_features_to_statistics(features) for features in (made, real)]
    fid = fid_statistics_to_metric(*statistics, verbose=False)
    kid = kid_features_to_metric(made, real, kid_subsets=1, kid_subset_size=N, verbose=False)
    unit = [torch.nn.functional.normalize(features.float()) for features in (made, real)]
    precision, recall = calculate_precision_recall_full(*unit, settings.nearest_k)
    wanted = {
        "fd": fid["frechet_inception_distance"],
        "kid": kid["kernel_inception_distance_mean"],
        "precision": precision,
        "recall": recall,
    }
    found = kinds(clothes_reference["real_images"])
    # a distance near nothing is the difference of far larger terms: those of the real images' own
    scale = {"fd": float(np.trace(np.cov(real.numpy().T))), "kid": 0.1}
    for kind, value in wanted.items():
        assert found[kind]["value"] == pytest.approx(value, rel=1e-3, abs=1e-4 * scale.get(kind, 0)), kind


def test_reconstructions_are_scored_by_the_errors_of_each(
    clothes: ImageSplits, clothes_reference: dict, settings: EvaluationSettings, cache: Path
) -> None:
    samples, errors = Images(np.asarray(clothes.heldout.images[-N:])), np.linspace(0.01, 0.03, 64).tolist()
    found = kinds(score(samples, clothes, clothes_reference, settings, cache, errors))["reconstruction_error"]
    assert found["value"] == pytest.approx(0.02)
    assert found["standard_error"] == pytest.approx(np.std(errors, ddof=1) / 8, rel=0.3)
    assert found["low"] < 0.02 < found["high"]
    assert found["passport"]["n"] == 64
    assert found["common_error"] == found["standard_error"]  # the same 64 images for every seed
    three = combined([{"scores": {"reconstruction_error": found}}] * 3)["scores"]["reconstruction_error"]
    assert (three["low"], three["high"]) == pytest.approx((found["low"], found["high"]), rel=1e-5)
    without = score(samples, clothes, clothes_reference, settings, cache)
    assert "reconstruction_error" not in kinds(without)


def test_labels_are_held_to_what_samples_look_like(
    clothes: ImageSplits, clothes_reference: dict, settings: EvaluationSettings, cache: Path
) -> None:
    held = np.asarray(clothes.heldout.images[-N:])
    asked = clothes.heldout.labels[-N:]
    right = score(Images(held, asked), clothes, clothes_reference, settings, cache)
    wrong = score(Images(held, (asked + 1) % 10), clothes, clothes_reference, settings, cache)
    assert kinds(right)["class_agreement"]["value"] > 0.7
    assert kinds(wrong)["class_agreement"]["value"] < 0.15
    assert kinds(clothes_reference["real_images"])["class_agreement"]["value"] > 0.7
    assert kinds(clothes_reference["noise"])["class_agreement"]["value"] < 0.3
    unasked = score(Images(held), clothes, clothes_reference, settings, cache)
    assert "class_agreement" not in kinds(unasked)


def test_names_say_extractor_and_n_and_never_fid(clothes_reference: dict) -> None:
    names = set(clothes_reference["real_images"]["scores"])
    assert {f"fd_efficientnet_lite0_{N}", f"kid_efficientnet_lite0_{N}", f"memorised_pixels_{N}"} <= names
    assert not any(name.startswith(("fid", "is_")) for name in names)


def test_passports_say_all_that_scores_depend_on(
    clothes: ImageSplits, clothes_reference: dict, settings: EvaluationSettings
) -> None:
    stamp = kinds(clothes_reference["real_images"])["fd"]["passport"]
    assert stamp["measured_by"]["weights_sha256"].startswith("57934424")
    assert "bicubic, antialiased" in stamp["measured_by"]["resize"]
    assert stamp["reference"]["sha256"] == clothes.card["sha256"]["heldout"]
    assert (stamp["n"], stamp["seed"], stamp["nearest_k"]) == (N, settings.seed, settings.nearest_k)
    assert "torch" in stamp["versions"]


def test_what_is_held_against_training_images_says_so_and_is_not_compared_across_them(
    clothes: ImageSplits, clothes_reference: dict
) -> None:
    memorised = kinds(clothes_reference["real_images"])["memorised"]["passport"]
    assert memorised["reference"]["split"] == "train"
    assert memorised["reference"]["sha256"] == clothes.card["sha256"]["train"]
    limit = clothes_reference["memorised_below"]
    assert memorised["measured_by"]["memorised_below"] == pytest.approx(limit, rel=1e-5)
    other = deepcopy(clothes_reference["real_images"])
    kinds(other)["memorised"]["passport"]["reference"]["sha256"] = "of other training images"
    with pytest.raises(PassportMismatch, match=f"memorised_pixels_{N} of other .* reference.sha256 is"):
        score_table({"other": other}, clothes_reference)


def test_a_table_of_what_was_scored_ranks_the_honest_model_first(
    clothes: ImageSplits, clothes_reference: dict, settings: EvaluationSettings, cache: Path
) -> None:
    held = np.asarray(clothes.heldout.images[-N:])
    models = {"honest": held, "blurring": blurred(held, 1.5)}
    scores = {
        name: score(Images(made), clothes, clothes_reference, settings, cache)
        for name, made in models.items()
    }
    made = score_table(scores, clothes_reference).set_index("contender")
    assert made.loc[["honest", "blurring"], "group"].tolist() == [1, 2]


def test_scores_at_another_n_are_refused(
    clothes: ImageSplits, clothes_reference: dict, settings: EvaluationSettings, cache: Path
) -> None:
    few = replace(settings, samples=64)
    other = score(Images(np.asarray(clothes.train.images[:64])), clothes, clothes_reference, few, cache)
    assert f"fd_efficientnet_lite0_{64}" in other["scores"]
    with pytest.raises(ValueError, match="n is .*64"):
        score_table({"few": other}, clothes_reference)


@pytest.mark.parametrize("order", ["sorted", "in turn"])
def test_of_more_samples_those_from_all_over_the_file_count_and_are_named_by_their_place(
    order: str, clothes: ImageSplits, clothes_reference: dict, settings: EvaluationSettings, cache: Path
) -> None:
    both = np.stack([clothes.heldout.images[-N:], clothes.train.images[:N]])
    copied = np.repeat([[False], [True]], N, axis=1)
    if order == "in turn":
        both, copied = both.swapaxes(0, 1), copied.T
    made = Images(np.ascontiguousarray(both.reshape(-1, *both.shape[2:])))
    found = score(made, clothes, clothes_reference, settings, cache)
    assert found["n"] == N
    assert kinds(found)["memorised"]["value"] == pytest.approx(0.5, abs=0.1)
    assert copied.ravel()[found["neighbours"]["samples"]].all()


def test_the_same_scores_come_out_byte_for_byte(
    squares: ImageSplits,
    squares_reference: dict,
    settings: EvaluationSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learnt, "MOST_IMAGES", 2_000)  # each folder learns anew
    few = replace(settings, samples=48)
    made = Images(np.asarray(squares.train.images[:48]))
    folders = [tmp_path / "one", tmp_path / "two"]
    texts = [json.dumps(score(made, squares, squares_reference, few, folder)) for folder in folders]
    assert texts[0] == texts[1]
    references = [json.dumps(describe_reference(squares, few, folder)) for folder in folders]
    assert references[0] == references[1]


def test_a_second_scoring_only_reads(
    squares: ImageSplits,
    squares_reference: dict,
    few: EvaluationSettings,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Images(np.asarray(squares.train.images[: few.samples]))
    first = score(made, squares, squares_reference, few, cache)
    monkeypatch.setattr(scoring, "_score", lambda *_: pytest.fail("scored again"))
    assert score(made, squares, squares_reference, few, cache) == first
    assert describe_reference(squares, few, cache) == squares_reference


@pytest.mark.parametrize(("code", "counts"), [("# a comment\n", False), ("OTHER = 1\n", True)])
def test_scores_are_taken_anew_where_code_that_they_reach_is_other(
    squares: ImageSplits, settings: EvaluationSettings, cache: Path, edit: Edit, code: str, counts: bool
) -> None:
    bench = Bench(squares, replace(settings, second_extractor="none"), cache, N)
    before = scoring._facts(bench)
    edit("imagesets.resizing", code)
    assert (scoring._facts(bench) != before) == counts


def test_the_count_is_that_of_the_smallest_set(squares: ImageSplits, settings: EvaluationSettings) -> None:
    assert comparable(squares, settings) == N
    assert comparable(squares, settings, samples=50) == 50
    assert comparable(squares, replace(settings, samples=10_000)) == len(squares.heldout)


def test_images_of_one_photo_count_once(
    squares: ImageSplits, settings: EvaluationSettings, cache: Path
) -> None:
    photos = np.repeat(np.arange(40), 15)
    copied = replace(squares, heldout=Images(np.asarray(squares.heldout.images), factors={"source": photos}))
    assert comparable(copied, settings) == 40
    bench = Bench(copied, settings, cache, 40)
    drawn = bench.drawn("heldout").images
    found = [
        next(i for i, image in enumerate(copied.heldout.images) if (image == one).all()) for one in drawn
    ]
    assert sorted(photos[found]) == list(range(40))
    assert bench.passport({}, 40, "heldout")["reference"]["distinct"] == 40
    assert Bench(squares, settings, cache, N).passport({}, N, "heldout")["reference"]["distinct"] == 600


def test_a_frechet_distance_of_too_few_images_is_marked_and_does_not_rank(clothes_reference: dict) -> None:
    scores = clothes_reference["real_images"]["scores"]
    assert list(scores)[:2] == [f"kid_efficientnet_lite0_{N}", f"fd_efficientnet_lite0_{N}"]
    assert {one["kind"] for one in scores.values() if one["biased"]} == {"fd", "fd_learnt"}


def test_scores_that_do_not_see_a_blur_of_these_images_are_named_and_marked(
    clothes: ImageSplits, clothes_reference: dict, settings: EvaluationSettings, cache: Path
) -> None:
    assert clothes_reference["blind"] == []
    soft = {
        split: replace(getattr(clothes, split), images=coarse(np.asarray(getattr(clothes, split).images)))
        for split in ("train", "heldout")
    }
    card = clothes.card | {"sha256": {"train": "soft", "heldout": "soft"}}
    already, settings = replace(clothes, **soft, card=card), replace(settings, second_extractor="none")
    reference = describe_reference(already, settings, cache)
    blind = {reference["real_images"]["scores"][name]["kind"] for name in reference["blind"]}
    assert blind == {"precision", "density", "coverage", "class_agreement"}
    found = score(rows(soft["train"], slice(N)), already, reference, settings, cache)["scores"]
    assert {name for name, one in found.items() if one["blind"]} == set(reference["blind"])
    assert not kinds({"scores": found})["memorised"]["blind"]  # it only accuses


def test_nothing_memorised_is_not_certainly_nothing(clothes_reference: dict) -> None:
    noise = kinds(clothes_reference["noise"])["memorised"]
    assert (noise["value"], noise["low"]) == (0.0, 0.0)
    assert noise["high"] == pytest.approx(0.01264, abs=1e-4)  # Wilson's upper end of 0 of 300


def test_what_cannot_be_scored_is_refused_in_one_line(
    squares: ImageSplits, squares_reference: dict, settings: EvaluationSettings, cache: Path
) -> None:
    with pytest.raises(SettingError, match="there are 5 samples; scoring needs at least 16"):
        score(Images(np.asarray(squares.train.images[:5])), squares, squares_reference, settings, cache)
    with pytest.raises(
        SettingError, match="16 x 16 with 3 channels, but squares is prepared as 32 x 32 with 3"
    ):
        small = np.zeros((50, 16, 16, 3), np.uint8)
        score(Images(small), squares, squares_reference, settings, cache)
