"""Numbers as people read them."""

import math

import pytest

from gencompare.reporting.formatting import count, duration, interval, listed, number, plain, scaled


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (41.237, "41.2"),
        (0.00123456, "0.00123"),
        (-0.0012, "−0.00120"),
        (12345.6, "12\u202f300"),
        (0, "0"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_number(value, text):
    assert number(value) == text


def test_an_interval_has_the_decimals_of_its_value():
    assert interval(92.13, 102.61, like=97.3) == "92.1 to 102.6"
    assert interval(0.0, 0.01, like=0.0) == "0.0000 to 0.0100"
    assert interval(None, 1.0) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (7500, "2 h 5 min"),
        (3600, "1 h"),
        (3599.9, "1 h"),
        (127, "2 min 7 s"),
        (59.7, "1 min"),
        (42.04, "42 s"),
        (4.2, "4.2 s"),
        (0.045, "45 ms"),
        (0.0000123, "12.3 µs"),
        (None, "–"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(2_640_000, "2.64 M"), (999_900, "1 M"), (4.7e14, "470 T"), (12, "12"), (None, "–")]
)
def test_scaled(value, text):
    assert scaled(value) == text


def test_the_rest():
    assert plain(10.0) == "10"
    assert plain(100.0) == "100"
    assert count(10000) == "10\u202f000"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
