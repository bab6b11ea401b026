"""A name that there is not is refused wherever it stands, with what it is probably meant to be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gencompare.config.check import check_given, check_planned
from gencompare.config.typed import SettingError
from gencompare.config_loader import ComparisonConfigLoader
from gencompare.settings import CONFIG_LOADER_ARGS

from .test_plan import CONF

PLANNED = ComparisonConfigLoader(str(CONF), env="smoke", **CONFIG_LOADER_ARGS).plan.planned["gan_compare"]
PLACES: dict[tuple[str, ...], Any] = {(): {}} | {
    place: values
    for place, values in (
        (("training",), PLANNED.contenders["vae"].values["training"]),
        (("evaluation",), PLANNED.evaluation.values),
        (("image_sets",), {}),
        (("image_sets", "squares"), PLANNED.image_set.values),
        (("contenders",), {}),
        *(
            ((*("contenders", name), *part), one.values[part[0]] if part else one.values)
            for name, one in PLANNED.contenders.items()
            for part in ((), ("model",), ("objective",), ("sampler",), ("training",), ("images",))
        ),
    )
}
"""Every level at which settings can be given, and the settings that there are at it."""


def typos(known: dict[str, Any]) -> st.SearchStrategy[str]:
    """Draw words, among them known names with a letter more."""
    words = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=4, max_size=12)
    return st.one_of(words, *([st.sampled_from(sorted(known)).map(lambda name: f"{name}x")] if known else []))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_always_refused(data):
    place = data.draw(st.sampled_from(sorted(PLACES)))
    allowed = {*PLACES[place], "like", "name"} | {
        other[len(place)] for other in PLACES if other[: len(place)] == place != other
    }
    name = data.draw(typos(PLACES[place]).filter(lambda word: word not in allowed and word not in ASKED))
    given_: dict[str, Any] = {}
    inner = given_
    for part in place:
        inner = inner.setdefault(part, {})
    inner[name] = data.draw(st.sampled_from([1, 0.5, True, "word", {"kimg": 1}, [1]]))
    with pytest.raises(SettingError) as refused:
        plan = ComparisonConfigLoader(
            str(CONF), env="smoke", runtime_params=given_, **CONFIG_LOADER_ARGS
        ).plan
        check_given(plan, {"gan_compare"})
        check_planned(plan.planned["gan_compare"], None)
    assert name in refused.value.message
    assert "\n" not in refused.value.message


ASKED = frozenset(
    "dataset seed seeds chosen_contenders budget engine samples comparison from n labels pngs".split()
)
