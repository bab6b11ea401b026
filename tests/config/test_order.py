"""Whatever is given where: the value in force is the one that the stated order says, or there is a refusal."""

from __future__ import annotations

import random

import pytest

from gencompare.config.check import check_given
from gencompare.config.layers import File, Sources
from gencompare.config.plan import Plan
from gencompare.config.typed import SettingError

NETWORK = {"model": {"name": "dcgan"}, "objective": {"name": "vanilla"}, "sampler": {"name": "latent"}}
COMPARISONS = {
    "test_compare": {"question": "?", "image_set": "squares", "contenders": ["child", "other"]},
    "clothes_compare": {"question": "?", "image_set": "fashion_mnist", "contenders": ["parent"]},
}
# From first to last: each goes before all above it.
PLACES = (
    ("conf/base", "training"),
    ("conf/base", "grandparent"),
    ("conf/base", "parent"),
    ("conf/base", "child"),
    ("conf/env", "training"),
    ("conf/env", "grandparent"),
    ("conf/env", "parent"),
    ("conf/env", "child"),
    ("budget", "budget"),
    ("command line", "training"),
    ("command line", "child"),
)
DEFAULTS = {
    "training.kimg": 30.0,
    "training.lr": 2e-4,
    "training.warmup": 0.0,
    "model.width": 32,
    "objective.n_critic": 1,
}


def blocks():
    return {
        "grandparent": {part: dict(values) for part, values in NETWORK.items()},
        "parent": {"like": "grandparent"},
        "child": {"like": "parent"},
        "other": {"like": "grandparent"},
    }


def put(values, name, value):
    part, setting = name.split(".")
    values.setdefault(part, {})[setting] = value


def plan_of(assigned):
    """Plan with values at some places: {(file, where): {setting: value}}."""
    files = {"conf/base": {"contenders": blocks()}, "conf/env": {"contenders": {}}, "command line": {}}
    budget = {}
    for (file, where), values in assigned.items():
        for name, value in values.items():
            if where == "budget":
                budget["kimg"] = value
            elif where == "training":
                put(files[file], name, value)
            else:
                put(files[file].setdefault("contenders", {}).setdefault(where, {}), name, value)
    comparisons = {"test_compare": COMPARISONS["test_compare"] | ({"budget": budget} if budget else {})}
    base, env = File("conf/base", files["conf/base"], comparisons), File("conf/env", files["conf/env"])
    return Plan(Sources([base, env], files["command line"]))


def possible(name, where):
    if where == "budget":
        return name == "training.kimg"
    return where != "training" or name.startswith("training.")


@pytest.mark.parametrize("seed", range(600))
def test_the_value_in_force_is_that_of_the_last_place_that_gives_one(seed):
    draw = random.Random(seed)
    assigned, expected = {}, {name: (value, "default") for name, value in DEFAULTS.items()}
    for number, place in enumerate(PLACES):
        for name, default in DEFAULTS.items():
            if possible(name, place[1]) and draw.random() < 0.35:
                value = 1 + number if isinstance(default, int) else (1 + number) / 16
                assigned.setdefault(place, {})[name] = value
                expected[name] = (value, place)
    child = plan_of(assigned).comparison("test_compare").contenders["child"]
    for name, (value, place) in expected.items():
        part, setting = name.split(".")
        assert child.values[part][setting] == value, (name, place)
        said = child.origins[name]
        assert said == "default" if place == "default" else said.startswith(place[0]), (name, place)


GIVEN = {
    **{
        f"contenders.{contender}.{name}": value
        for contender in ("child", "other", "parent", "grandparent", "chld")
        for name, value in (
            ("training.kimg", 3.5), ("model.width", 24), ("objective.n_critic", 2), ("model.wdth", 1)
        )
    },
    **{f"training.{name}": value for name, value in (("kimg", 4.5), ("lr", 0.125), ("kmg", 1), ("rows", 7))},
    **{
        f"image_sets.{name}.{setting}": value
        for name in ("squares", "fashion_mnist", "sqares")
        for setting, value in (("resolution", 64), ("count", 77), ("cont", 3))
    },
    "evaluation.samples": 99,
    "evaluation.sample": 99,
    "dataset": "cifar10",
    "datset": "cifar10",
    "seed": 11,
    "seeds": 2,
    "seed_s": 2,
    "chosen_contenders": "other,parent",
    "budget.minutes": 2.5,
    "budget.kimg": 5.5,
    "budget.hours": 1,
    "samples": "x.npz",
    "comparison": "test_compare",
}  # fmt: skip


def nested(flat):
    values = {}
    for name, value in flat.items():
        *parents, last = name.split(".")
        inner = values
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return values


def in_force(planned, name, value):
    """Whether a value from the command line is what one comparison would run with."""
    section, *rest = name.split(".")
    first = planned.contenders[planned.comparison.contenders[0]].values
    if section == "contenders":
        return planned.contenders[rest[0]].values[rest[1]][rest[2]] == value
    if section == "training":
        return all(one.values["training"][rest[0]] == value for one in planned.contenders.values())
    if section == "image_sets":
        return planned.image_set.values["name"] == rest[0] and planned.image_set.values[rest[1]] == value
    return {
        "evaluation": lambda: planned.evaluation.values[rest[0]] == value,
        "dataset": lambda: planned.image_set.values["name"] == value,
        "seed": lambda: planned.settings(planned.trainings[0])["seed"] == value,
        "seeds": lambda: planned.comparison.seeds == value,
        "chosen_contenders": lambda: ",".join(planned.comparison.contenders) == value,
        "budget": lambda: value in (first["training"]["kimg"], first.get("budget", {}).get("minutes")),
    }[section]()


@pytest.mark.parametrize("seed", range(600))
def test_what_the_command_line_says_holds_or_is_refused(seed):
    draw = random.Random(seed)
    flat = {name: GIVEN[name] for name in draw.sample(list(GIVEN), draw.choice((1, 1, 2, 3)))}
    try:
        plan = Plan(Sources([File("conf/base", {"contenders": blocks()}, COMPARISONS)], nested(flat)))
        check_given(plan, {"test_compare"})
    except SettingError as refused:
        assert "\n" not in str(refused)
        return
    planned = plan.planned["test_compare"]
    dropped = [name for name, value in flat.items() if not in_force(planned, name, value)]
    assert not dropped, flat


def test_some_of_these_hold_and_some_are_refused():
    """Or the test above could not fail."""
    outcomes = set()
    for name, value in GIVEN.items():
        try:
            given = nested({name: value})
            plan = Plan(Sources([File("conf/base", {"contenders": blocks()}, COMPARISONS)], given))
            check_given(plan, {"test_compare"})
            outcomes.add((name, "holds"))
        except SettingError:
            outcomes.add((name, "refused"))
    assert {
        ("contenders.child.training.kimg", "holds"),
        ("contenders.parent.training.kimg", "refused"),
        ("contenders.chld.training.kimg", "refused"),
        ("training.lr", "holds"),
        ("training.kmg", "refused"),
        ("image_sets.squares.count", "holds"),
        ("image_sets.fashion_mnist.resolution", "refused"),
        ("datset", "refused"),
        ("dataset", "holds"),
        ("samples", "refused"),
    } <= outcomes
