"""Facts about how parameters become settings, in every environment that is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from gencompare.comparisons import COMPARISONS, all_jobs
from gencompare.config import contender as config
from gencompare.config.typed import SettingError
from gencompare.config_loader import ComparisonConfigLoader
from gencompare.models.parts.shape import ImageShape
from gencompare.settings import CONFIG_LOADER_ARGS

CONF = Path(__file__).parents[1] / "conf"
RESOLUTION = {"base": 32, "smoke": 16, "gpu": 64}


def load(env="base", **parameters):
    return ComparisonConfigLoader(str(CONF), env=env, runtime_params=parameters, **CONFIG_LOADER_ARGS)


@pytest.mark.parametrize("env", RESOLUTION)
def test_every_contender_can_be_made(env):
    parameters = load(env)["parameters"]
    for name in parameters["contenders"]:
        block = config._block(name, parameters["contenders"])
        block["training"] = config.merge(parameters["training"], block["training"])
        contender = config.make_contender({"name": name, "contender": name, "seed": 0} | block)
        contender.model.check(ImageShape(3, RESOLUTION[env], classes=10))


@pytest.mark.parametrize("env", RESOLUTION)
@pytest.mark.parametrize("comparison", COMPARISONS)
def test_every_comparison_passes_its_check(env, comparison, sources):
    config.check(comparison, load(env, image_sets=sources)["parameters"])


def test_a_comparison_has_settings_of_its_own_and_the_command_line_goes_before_them():
    assert load()["parameters"]["squares_scaling"]["image_set"]["count"] == 80_000
    assert load()["parameters"]["gan_compare"]["image_set"].get("count") is None
    chosen = load(image_sets={"squares": {"count": 5_000}}, evaluation={"samples": 300})["parameters"]
    assert chosen["squares_scaling"]["image_set"]["count"] == 5_000
    assert chosen["sampler_compare"]["evaluation"]["samples"] == 300


def test_settings_of_an_unknown_comparison_are_refused():
    with pytest.raises(SettingError, match="comparisons='gan_compar': unknown; did you mean gan_compare"):
        load(comparisons={"gan_compar": {}})["parameters"]


def test_smoke_overrides_only_what_it_names():
    base, smoke = load()["parameters"], load("smoke")["parameters"]
    assert smoke["contenders"]["ddpm"]["training"]["lr"] == base["contenders"]["ddpm"]["training"]["lr"]
    assert smoke["contenders"]["ddpm"]["training"]["kimg"] < base["contenders"]["ddpm"]["training"]["kimg"]


def test_command_line_reaches_the_plan_of_every_comparison():
    parameters = load(dataset="fashion_mnist", seed=7, contenders={"dcgan": {"training": {"kimg": 3}}})[
        "parameters"
    ]
    planned = parameters["gan_compare"]
    assert planned["image_set"]["name"] == "fashion_mnist"
    assert planned["dcgan"]["settings"]["training"]["kimg"] == 3
    assert planned["vae"]["settings"]["seed"] == 7


def test_like_takes_over_and_another_choice_replaces_a_part_as_a_whole():
    blocks = {
        "a": {"model": {"name": "dcgan", "width": 8}, "training": {"kimg": 1, "lr": 2}},
        "b": {"like": "a", "model": {"name": "vae"}, "training": {"kimg": 5}},
        "c": {"like": "b", "model": {"width": 4}},
    }
    assert config._block("b", blocks) == {"model": {"name": "vae"}, "training": {"kimg": 5, "lr": 2}}
    assert config._block("c", blocks)["model"] == {"name": "vae", "width": 4}
    assert blocks["a"]["model"] == {"name": "dcgan", "width": 8}


def test_catalog_places_each_comparison_and_image_set_apart():
    for dataset, folder in [("squares", "squares"), ("fashion_mnist", "fashion_mnist")]:
        catalog = load(dataset=dataset)["catalog"]
        entry = catalog["gan_compare.{contender}.weights"]
        assert entry["filepath"] == f"data/06_models/gan_compare/{folder}/{{contender}}/weights.safetensors"
    smoke = load("smoke")["catalog"]["gan_compare.prepared"]["filepath"]
    assert smoke == "data/05_model_input/squares-count256-heldout128-resolution16"
    assert not [name for name in catalog if "{comparison}" in name]
    assert {name.split(".")[0] for name in catalog if "." in name} == {*all_jobs(), "history"}


def test_tracking_database_does_not_depend_on_the_working_directory(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert load()["mlflow"]["server"]["mlflow_tracking_uri"] == f"sqlite:///{CONF.parent}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somewhere:5000")
    assert load()["mlflow"]["server"]["mlflow_tracking_uri"] == "http://somewhere:5000"


@pytest.mark.parametrize(
    ("contenders", "said"),
    [
        ({"dcgn": {"training": {"kimg": 1}}}, "did you mean dcgan"),
        ({"dcgan": {"traning": {"kimg": 1}}}, "did you mean training"),
        ({"dcgan": {"model": {"width": "wide"}}}, "contenders.dcgan.model.width='wide'"),
        ({"dcgan": {"sampler": "latent"}}, "must be a mapping with a name"),
    ],
)
def test_refused_in_one_line(contenders, said):
    with pytest.raises(SettingError) as refused:
        config.check("gan_compare", load(contenders=contenders)["parameters"])
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
