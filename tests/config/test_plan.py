"""Facts about how parameters become settings, in every environment that is shipped."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest
from omegaconf import AnyNode, ListConfig

from gencompare.comparisons import RESERVED, SAMPLE, SCORE
from gencompare.config.check import check_given, check_planned, check_run
from gencompare.config.contender import read_contender
from gencompare.config.layers import File, Sources
from gencompare.config.plan import Plan
from gencompare.config.typed import SettingError
from gencompare.config_loader import ComparisonConfigLoader
from gencompare.models.gan_settings import DCGAN
from gencompare.models.parts.shape import ImageShape
from gencompare.settings import CONFIG_LOADER_ARGS

CONF = Path(__file__).parents[2] / "conf"
RESOLUTION = {"base": 32, "smoke": 16, "gpu": 64}


def load(env="base", conf=CONF, **parameters):
    return ComparisonConfigLoader(str(conf), env=env, runtime_params=parameters, **CONFIG_LOADER_ARGS)


COMPARISONS = load().plan.comparisons


@pytest.mark.parametrize("env", RESOLUTION)
def test_every_contender_can_be_made(env):
    plan = load(env).plan
    for name in plan.sources.contenders:
        contender = read_contender(plan.contender(name).values)
        contender.model.check(ImageShape(3, RESOLUTION[env], classes=10))


@pytest.mark.parametrize("env", RESOLUTION)
@pytest.mark.parametrize("comparison", COMPARISONS)
def test_every_comparison_passes_its_check(env, comparison, sources):
    check_planned(load(env, image_sets=sources).plan.planned[comparison], None)


def test_networks_that_were_checked_are_not_made_again_for_the_session(monkeypatch):
    asked = {"chosen_contenders": "dcgan", "contenders": {"dcgan": {"model": {"latent_dim": 11}}}}
    made = []
    networks = DCGAN.networks
    monkeypatch.setattr(DCGAN, "networks", lambda *given: made.append(given) or networks(*given))
    for _ in ("the command", "its session"):
        check_run(load(**asked).plan, {"gan_compare"})
    assert len(made) == 1


@pytest.mark.parametrize("env", RESOLUTION)
@pytest.mark.parametrize("comparison", COMPARISONS)
def test_no_two_contenders_of_a_comparison_are_the_same(env, comparison):
    """What an environment says of one contender is also said of those that are like it: none may be lost by that."""
    planned = load(env).plan.planned[comparison]
    settings = [json.dumps(one.values, sort_keys=True) for one in planned.contenders.values()]
    assert len(set(settings)) == len(settings)


def test_complete_settings_make_the_same_contender_again():
    plan = load().plan
    for name in plan.sources.contenders:
        values = json.loads(json.dumps(plan.contender(name).values))
        assert read_contender(values).values() == values


def test_every_setting_has_an_origin_and_defaults_are_written_out():
    layered = load("smoke").plan.planned["gan_compare"].contenders["wgan_gp"]
    origins = layered.origins
    assert layered.values["training"]["decay_from"] == 0.5
    assert origins["training.decay_from"] == "default"
    assert origins["objective.n_critic"] == "conf/base"
    assert origins["sampler.name"] == "conf/base: like dcgan"
    assert origins["model.width"] == "conf/smoke: like dcgan"
    assert origins["training.kimg"] == "conf/smoke: training"
    assert origins["training.device"] == "conf/base: training"


def test_a_value_from_the_command_line_says_so():
    given = {"training": {"rows": 7}, "contenders": {"vae": {"model": {"width": 16}}}}
    contenders = load("smoke", **given).plan.planned["gan_compare"].contenders
    assert {one.origins["training.rows"] for one in contenders.values()} == {"command line"}
    assert contenders["vae"].origins["model.width"] == "command line"
    assert contenders["dcgan"].origins["model.width"] == "conf/smoke"


def test_what_an_environment_says_of_a_contender_is_not_for_another_network_that_is_like_it():
    plan = load("gpu").plan
    assert plan.contender("lsgan").values["model"]["max_width"] == 512
    assert "max_width" not in plan.contender("vanilla_gan").values["model"]


def test_a_comparison_has_settings_of_its_own_and_the_environment_and_command_line_go_before_them():
    def count(*args, **given):
        return load(*args, **given).plan.planned["squares_scaling"].image_set.values["count"]

    assert count() == 80_000
    assert count("smoke") == 256
    assert count(image_sets={"squares": {"count": 5_000}}) == 5_000
    assert load().plan.planned["gan_compare"].image_set.values["count"] == 10_000
    assert load(dataset="pandas").plan.planned["squares_scaling"].image_set.values["name"] == "pandas"
    assert load().plan.planned["sampler_compare"].evaluation.values["samples"] == 500
    given = load(evaluation={"samples": 300}).plan.planned["sampler_compare"]
    assert given.evaluation.values["samples"] == 300


def test_nodes_get_what_the_plan_says_and_nothing_else_of_the_parameters():
    loader = load(dataset="fashion_mnist", seed=7, seeds=2, contenders={"dcgan": {"training": {"kimg": 3}}})
    parameters = loader["parameters"]
    assert parameters.keys() == {*COMPARISONS, SCORE, SAMPLE, "samples", "comparison", "dataset"}
    planned = parameters["gan_compare"]
    assert planned["image_set"]["name"] == "fashion_mnist"
    assert planned["dcgan"]["settings"]["training"]["kimg"] == 3
    assert planned["dcgan_repeat1"]["settings"]["training"]["kimg"] == 3
    assert [planned[name]["settings"]["seed"] for name in ("vae", "vae_repeat1")] == [7, 8]


def test_any_contenders_can_be_chosen_for_any_comparison():
    plan = load(chosen_contenders="ddpm_short,vae", seeds=3).plan
    for comparison in plan.comparisons.values():
        assert comparison.contenders == ("ddpm_short", "vae")
        assert len(comparison.trainings) == 6


def test_a_budget_is_the_same_for_all_and_one_in_images_is_their_kimg():
    images = load(budget={"kimg": 12}).plan.planned["gan_compare"].contenders.values()
    assert {one.values["training"]["kimg"] for one in images} == {12}
    assert {one.origins["training.kimg"] for one in images} == {"budget"}
    minutes = load(budget={"minutes": 5}).plan.planned["gan_compare"].contenders.values()
    assert {one.values["training"]["kimg"] for one in minutes} == {None}
    assert all(one.values["budget"] == {"minutes": 5.0} for one in minutes)


def test_a_length_on_the_command_line_goes_before_the_budget_of_a_comparison():
    block = {"question": "?", "image_set": "squares", "contenders": ["dcgan"], "budget": {"minutes": 2}}
    files = load().plan.sources.files
    own = File("conf/local", {}, {"my_compare": block})
    ours = Plan(Sources([*files, own], {})).planned["my_compare"].contenders["dcgan"].values
    assert ours["budget"] == {"minutes": 2.0}
    given = Plan(Sources([*files, own], {"training": {"kimg": 3}})).planned["my_compare"]
    assert given.contenders["dcgan"].values["training"]["kimg"] == 3
    assert "budget" not in given.contenders["dcgan"].values


def test_catalog_places_each_comparison_and_image_set_apart():
    for dataset, folder in [("squares", "squares"), ("fashion_mnist", "fashion_mnist")]:
        catalog = load(dataset=dataset)["catalog"]
        entry = catalog["gan_compare.{contender}.weights"]
        assert entry["filepath"] == f"data/06_models/gan_compare/{folder}/{{contender}}/weights.safetensors"
    smoke = load("smoke")["catalog"]["gan_compare.prepared"]["filepath"]
    assert smoke == "data/05_model_input/squares-count256-heldout128-resolution16"
    assert not [name for name in catalog if "{comparison}" in name]
    assert {name.split(".")[0] for name in catalog if "." in name} == {*COMPARISONS, SCORE, SAMPLE, "history"}


def test_samples_lie_in_a_folder_named_after_what_is_sampled_wherever_that_is_said(conf):
    places = "sample.samples", "sample.grid"
    assert all(
        "/sample/a.dcgan/" in load(**{"from": "a.dcgan"})["catalog"][name]["filepath"] for name in places
    )
    file = conf / "base/parameters.yml"
    file.write_text(file.read_text().replace("\nfrom: null", "\nfrom: b.vae"))
    catalog = load(conf=conf)["catalog"]
    assert all("/sample/b.vae/" in catalog[name]["filepath"] for name in places)
    assert "/sample/b.vae/" in catalog["sample.pngs"]["path"]


def test_tracking_database_does_not_depend_on_the_working_directory(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert load()["mlflow"]["tracking_uri"] == f"sqlite:///{CONF.parent}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somewhere:5000")
    assert load()["mlflow"] == {"tracking_uri": "http://somewhere:5000"}


@pytest.fixture
def conf(tmp_path):
    """A copy of conf/ to write into."""
    return shutil.copytree(CONF, tmp_path / "conf")


NO_TRACKING = {
    "unknown": (
        "trackin_uri: sqlite:///x.db",
        "mlflow.trackin_uri='sqlite:///x.db': no such setting; did you mean t",
    ),
    "number": ("tracking_uri: 5", "mlflow.tracking_uri=5: should be a valid string"),
}


@pytest.mark.parametrize(("text", "said"), NO_TRACKING.values(), ids=NO_TRACKING)
def test_tracking_is_checked_as_all_settings_are(conf, monkeypatch, text, said):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somewhere:5000")
    (conf / "base/mlflow.yml").write_text(text)
    with pytest.raises(SettingError) as refused:
        load(conf=conf)["mlflow"]
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


UNREADABLE = {
    "key_twice": (b"training: {lr: 1.0}\ntraining: {lr: 2.0}", "line 2: found duplicate key training"),
    "no_utf8": (b"training: {lr: 1.0}  # \xe9", "'utf-8' codec can't decode byte 0xe9"),
    "no_yaml": (b"training: {lr: 1\ncontenders: [", "line 2: "),
    "unknown_tag": (b"training: !!python/name:os.system {}", "line 1: could not determine a constructor"),
    "number": (b"5", "Invalid loaded object type: int"),
    "list": (b"- training", "must be settings by name, and is a list"),
}


@pytest.mark.parametrize(("content", "said"), UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("file", ["base/parameters.yml", "smoke/comparisons_own.yml", "base/catalog.yml"])
def test_a_file_that_cannot_be_read_is_named_in_one_line(conf, file, content, said):
    (conf / file).write_bytes(content)
    with pytest.raises(SettingError) as refused:
        load("smoke", conf=conf)["catalog"]
    assert str(refused.value).startswith(f"conf/{file}: {said}")
    assert "\n" not in str(refused.value)


def test_an_interrupt_is_no_mistake_in_a_file(monkeypatch):
    """Ctrl-C in the middle of a list, where OmegaConf goes on with an error of its own."""
    begin = AnyNode.__init__

    def interrupted(node, *given, **named):
        if isinstance(named.get("parent"), ListConfig):
            signal.raise_signal(signal.SIGINT)
        begin(node, *given, **named)

    monkeypatch.setattr(AnyNode, "__init__", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it may be ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            load().plan  # noqa: B018
    finally:
        signal.signal(signal.SIGINT, before)


REFUSED = [
    ({"contenders": {"dcgn": {"training": {"kimg": 1}}}}, "did you mean dcgan"),
    ({"contenders": {"dcgan": {"traning": {"kimg": 1}}}}, "did you mean training"),
    ({"contenders": {"dcgan": {"model": {"width": "wide"}}}}, "contenders.dcgan.model.width='wide'"),
    ({"contenders": {"dcgan": {"sampler": "latent"}}}, "must be a mapping with a name"),
    ({"contenders": {"dcgan": {"like": "dcgan"}}}, "goes round in a circle"),
    ({"contenders": {"dcgan": 5}}, "must be a block of model, objective"),
    ({"contenders": {"my gan": {"like": "dcgan"}}}, "contenders.my gan: a name is lower case letters"),
    ({"contenders": {"a/b": {"like": "dcgan"}}}, "contenders.a/b: a name is lower case letters"),
    (
        {"contenders": {"dcgan_repeat1": {"like": "dcgan"}}},
        "dcgan_repeat1: a name is lower case letters, digits and _, and",
    ),
    ({"contenders": {"dcgan": {"like": 5}}}, "contenders.dcgan.like=5: must be a contender's name"),
    ({"image_sets": {"squares": 5}}, "image_sets.squares=5: must be settings by name"),
    ({"image_sets": {"squares": 0}}, "image_sets.squares=0: must be settings by name"),
    (
        {"image_sets": {"squares": {"seed": 2**63}}},
        "image_sets.squares.seed=9223372036854775808: should be less than",
    ),
    ({"evaluation": {"seed": 2**63}}, "evaluation.seed=9223372036854775808: should be less than"),
    ({"contenders": ["dcgan"]}, "must be settings by name"),
    ({"contenders": {"ddpm_short": {"training": {"kimg": 1}}}}, "not in gan_compare"),
    ({"image_sets": {"pandas": {"count": 3}}}, "image_sets.pandas: not in gan_compare"),
    ({"datset": "squares"}, "datset: no such parameter; did you mean dataset"),
    ({"seeds": 0}, "seeds=0"),
    ({"seed": "abc"}, "seed='abc'"),
    ({"seed": 2**63}, "seed=9223372036854775808: should be less than"),
    ({"chosen_contenders": "dcgan,ddpn"}, "--contenders: ddpn: no such contender; did you mean ddpm"),
    ({"chosen_contenders": "dcgan,dcgan"}, "stands there twice"),
    ({"budget": {"minutes": 5, "kimg": 3}}, "give one of minutes, kimg, petaflops"),
    ({"budget": {"hours": 5}}, "budget.hours=5: no such setting"),
    ({"budget": {"minutes": 5}, "training": {"kimg": 3}}, "training.kimg: budget.minutes says"),
    (
        {"budget": {"minutes": 5}, "contenders": {"vae": {"training": {"kimg": 3}}}},
        "contenders.vae.training.kimg: budget.minutes says",
    ),
    ({"samples": "x.npz"}, "samples: has no effect on gan_compare"),
    ({"comparison": "gan_compare"}, "comparison: has no effect on gan_compare"),
]


@pytest.mark.parametrize(("given", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_refused_in_one_line(given, said):
    with pytest.raises(SettingError) as refused:
        check_given(load(**given).plan, {"gan_compare"})
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_settings_of_training_are_refused_where_nothing_is_trained():
    with pytest.raises(SettingError, match="training: has no effect on score"):
        check_given(load(training={"lr": 1.0}).plan, {"score"})
    check_given(load(samples="x.npz", dataset="fashion_mnist").plan, {"score"})
    check_given(load(comparison="gan_compare").plan, {"history"})


BLOCK = {"question": "?", "image_set": "squares", "contenders": ["dcgan"]}
NO_COMPARISON = (
    {
        "no_contenders": ({"mine": BLOCK | {"contenders": []}}, "comparisons.mine.contenders"),
        "unknown_contender": ({"mine": BLOCK | {"contenders": ["dcgn"]}}, "did you mean dcgan"),
        "unknown_part": ({"mine": BLOCK | {"sedes": 3}}, "did you mean seeds"),
        "no_question": (
            {"mine": {"image_set": "squares", "contenders": ["dcgan"]}},
            "question: must be given",
        ),
        "no_image_set": ({"mine": BLOCK | {"image_set": {"count": 3}}}, "must have a name"),
        "no_block": ({"mine": 5}, "must be a block of settings"),
        "two_budgets": (
            {"mine": BLOCK | {"budget": {"minutes": 1, "kimg": 2}}},
            "comparisons.mine.budget={'minutes': 1, 'kimg': 2}: give one of minutes, kimg, petaflops",
        ),
        "no_budget": ({"mine": BLOCK | {"budget": {}}}, "comparisons.mine.budget={}: give one of minutes"),
        "bad_name": ({"My Own": BLOCK}, "lower case letters"),
        "reserved": ({RESERVED[0]: BLOCK}, "lower case letters"),
    }
    | {
        f"claim_{name}": (
            {"mine": BLOCK | {"claims": [{"says": "It is so", **claim}]}},
            f"comparisons.mine.claims.0{said}",
        )
        for name, claim, said in (
            (
                "unknown_contender",
                {"order": ["dcgan", "ddpn"]},
                ": ddpn: no such contender; did you mean ddpm",
            ),
            ("contender_twice", {"order": ["dcgan", "dcgan"]}, ": dcgan stands there twice"),
            (
                "unknown_score",
                {"learns": "dcgan", "score": "kdi"},
                ".score='kdi': no such score; did you mean kid",
            ),
            ("unknown_key", {"lerns": "dcgan"}, ".lerns='dcgan': no such setting; did you mean learns"),
            ("of_one", {"order": ["dcgan"]}, ".order=['dcgan']"),
            ("within_less", {"equal": ["dcgan", "ddpm"], "within": 0.9}, ".within=0.9"),
        )
    }
    | {
        "claim_without_form": (
            {"mine": BLOCK | {"claims": [{"says": "It is so"}]}},
            "give one of order, equal, learns, fails",
        ),
        "claim_of_two_forms": (
            {"mine": BLOCK | {"claims": [{"says": "?", "learns": "dcgan", "fails": "ddpm"}]}},
            "give one of order, equal, learns, fails",
        ),
        "claim_without_within": (
            {"mine": BLOCK | {"claims": [{"says": "?", "equal": ["dcgan", "ddpm"]}]}},
            "equal needs within",
        ),
        "claim_without_words": (
            {"mine": BLOCK | {"claims": [{"learns": "dcgan"}]}},
            "claims.0.says: must be given",
        ),
        "claim_alone": ({"mine": BLOCK | {"claims": {"says": "?"}}}, "comparisons.mine.claims"),
    }
)


@pytest.mark.parametrize(("blocks", "said"), NO_COMPARISON.values(), ids=NO_COMPARISON.keys())
def test_a_block_that_is_no_comparison_is_refused(blocks, said):
    with pytest.raises(SettingError) as refused:
        assert Plan(Sources([*load().plan.sources.files, File("conf/local", {}, blocks)])).planned
    assert said in str(refused.value)


def test_every_claim_is_about_contenders_of_its_comparison():
    for name, comparison in COMPARISONS.items():
        assert comparison.claims, name
        for claim in comparison.claims:
            assert set(claim.contenders) <= set(comparison.contenders), (name, claim.says)


def test_claims_stay_where_contenders_are_left_out():
    planned = load(chosen_contenders="ddpm").plan.comparison("bird_compare")
    assert planned.comparison.contenders == ("ddpm",)
    assert planned.comparison.claims == COMPARISONS["bird_compare"].claims
