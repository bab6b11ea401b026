"""What goes into the page besides words: pictures as data URIs, figures as JSON, Plotly itself."""

from __future__ import annotations

import base64
import gzip
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
import plotly.graph_objects as go
from markupsafe import Markup
from PIL import Image
from plotly.offline import get_plotlyjs

from gencompare.imagesets.pictures import POINT_IMAGES, image_grid
from gencompare.reporting import formatting
from gencompare.reporting.curves import Curve
from gencompare.reporting.palette import Look

# CSS pixels: how wide a panel of samples is, and how large one image must at least be shown.
PANEL_WIDTH = 270
LEAST_SIDE = 56
PANEL_ROWS = 6
SCRUBBED_ROWS = 2

LONGEST_LIST = 12

# Paths in a box from -8 to 8, one for each marker of the palette.
MARKER_PATHS = {
    "circle": "M6 0A6 6 0 1 1-6 0A6 6 0 1 1 6 0Z",
    "square": "M-5.4-5.4H5.4V5.4H-5.4Z",
    "diamond": "M0-7.4L6.4 0L0 7.4L-6.4 0Z",
    "triangle-up": "M0-6.6L6.8 5.4H-6.8Z",
    "cross": "M-2.2-6.6H2.2V-2.2H6.6V2.2H2.2V6.6H-2.2V2.2H-6.6V-2.2H-2.2Z",
    "star": "M0-7.2L2-2.4L7.2-2.2L3.1 1.1L4.4 6.2L0 3.3L-4.4 6.2L-3.1 1.1L-7.2-2.2L-2-2.4Z",
    "hexagon": "M-3.4-6H3.4L6.8 0L3.4 6H-3.4L-6.8 0Z",
    "x": "M-6-3L-3-6L0-3L3-6L6-3L3 0L6 3L3 6L0 3L-3 6L-6 3L-3 0Z",
}


@dataclass(frozen=True)
class Picture:
    """A picture in the page.

    Attributes:
        source: a PNG as a data URI.
        alt: what it shows, for those who do not see it.
        width, height: its own pixels.
        shown: the width in CSS pixels that shows each pixel as a whole number of screen pixels.
    """

    source: str
    alt: str
    width: int
    height: int
    shown: int


def picture(image: Image.Image, alt: str, zoom: int = 1) -> Picture:
    """Embed a PIL image, shown `zoom` times its size."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    source = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Picture(source, alt, image.width, image.height, image.width * zoom)


def panel(images: np.ndarray, alt: str, rows: int = PANEL_ROWS) -> Picture:
    """Embed the first images of a set as a panel about PANEL_WIDTH wide.

    Args:
        images: uint8 (N, H, W, C).
        alt: `{n}` in it becomes the number of images shown.
        rows: of images, at most.
    """
    zoom = _zoom(images)
    columns = max(3, PANEL_WIDTH // ((images.shape[2] + 1) * zoom))
    shown = images[: columns * rows]
    return picture(image_grid(shown, columns, scale=1), alt.format(n=len(shown)), zoom)


@dataclass(frozen=True)
class Scrubber:
    """Samples at each point of a training: one picture of which one cell is seen at a time.

    Attributes:
        picture: the cells, one below the other.
        cells: how many.
        width, height: of what is seen, in the picture's own pixels.
        captions: of each cell.
    """

    picture: Picture
    cells: int
    width: int
    height: int
    captions: list[str]


def scrubber(images: np.ndarray, curve: Curve, name: str) -> Scrubber:
    """Embed samples of each point of a curve.

    Args:
        images: uint8 (points x POINT_IMAGES, H, W, C), of one training: at least as many points as the curve has.
        curve: of the contender.
        name: the contender's.
    """
    cells = len(curve.values)
    zoom = _zoom(images)
    columns = max(3, PANEL_WIDTH // ((images.shape[2] + 1) * zoom))
    shown = min(POINT_IMAGES, columns * SCRUBBED_ROWS)
    starts = range(0, cells * POINT_IMAGES, POINT_IMAGES)
    sheets = [image_grid(images[start : start + shown], columns, scale=1) for start in starts]
    width, height = sheets[0].size
    sheet = Image.new("RGBA", (width, cells * height))
    for place, one in enumerate(sheets):
        sheet.paste(one, (0, place * height))
    whens = ["untrained", *(f"after {formatting.duration(s)}" for s in curve.spent["train_seconds"][1:])]
    captions = [f"{when}: {formatting.plain(value)}" for when, value in zip(whens, curve.values, strict=True)]
    drawn = picture(sheet, f"Samples of {name} at each point of its training", zoom)
    return Scrubber(drawn, cells, width, height, captions)


def neighbour_panel(samples: np.ndarray, nearest: np.ndarray, alt: str) -> Picture:
    """Embed one column a sample: the sample, a gap, then its nearest training images downwards.

    Args:
        samples: uint8 (K, H, W, C).
        nearest: uint8 (K, M, H, W, C).
        alt: what it shows.
    """
    count = len(samples)
    top = image_grid(samples, count, scale=1)
    below = image_grid(nearest.swapaxes(0, 1).reshape(-1, *samples.shape[1:]), count, scale=1)
    gap = max(2, samples.shape[1] // 6)
    sheet = Image.new("RGBA", (top.width, top.height + gap + below.height))
    sheet.paste(top, (0, 0))
    sheet.paste(below, (0, top.height + gap))
    return picture(sheet, alt, _zoom(samples))


def _zoom(images: np.ndarray) -> int:
    """Return the least whole enlargement at which images are LEAST_SIDE wide."""
    return max(1, math.ceil(LEAST_SIDE / images.shape[2]))


def marker(look: Look) -> Markup:
    """Draw a contender's mark, as the figures do."""
    path = MARKER_PATHS[look.marker]
    # colours and paths are constants of this package
    return Markup(  # nosec B704
        f'<svg class="mark" viewBox="-8 -8 16 16" aria-hidden="true"><path fill="{look.colour}" d="{path}"/></svg>'
    )


def figure_json(figure: go.Figure) -> Markup:
    """Return a figure as JSON that can stand inside a script element."""
    plain = json.loads(figure.to_json())
    text = json.dumps(plain, separators=(",", ":")).replace("<", "\\u003c")
    # without a "<" it cannot end the script, whatever it says
    return Markup(text)  # nosec B704


def facts(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Flatten JSON-like values to lines of name and text, nested names dotted, long lists cut short."""
    lines: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            lines += facts(value, f"{prefix}{key}.")
        elif isinstance(value, (list, tuple)) and value:
            text = ", ".join(map(str, value[:LONGEST_LIST]))
            lines.append((prefix + key, text + (f", … ({len(value)})" if len(value) > LONGEST_LIST else "")))
        elif value is not None and value != []:
            lines.append((prefix + key, str(value)))
    return lines


def passports(of_scores: Mapping[str, Mapping[str, Any]]) -> list[tuple[list[str], list[tuple[str, str]]]]:
    """Return each passport once, as facts, with the names of the scores that carry it."""
    found: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for score, passport in of_scores.items():
        found.setdefault(tuple(facts(passport)), []).append(score)
    return [(names, list(lines)) for lines, names in found.items()]


def template(name: str) -> jinja2.Template:
    """Return a template that lies beside this module: strict, and with filters that write numbers for people."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gencompare", "reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": formatting.number,
        "interval": formatting.interval,
        "scaled": formatting.scaled,
        "count": formatting.count,
        "duration": formatting.duration,
        "listed": formatting.listed,
        "probability": formatting.probability,
    }
    return environment.get_template(name)


@cache
def asset(name: str) -> Markup:
    """Return the text of a file that lies beside this module."""
    text = files("gencompare.reporting").joinpath(name).read_text("utf-8")
    # style and script of this package
    return Markup(text)  # nosec B704


@cache
def plotly_bundle() -> Markup:
    """Return plotly.js, gzip in base64: 2 MB instead of 5; the page unpacks it."""
    packed = gzip.compress(get_plotlyjs().encode(), 9, mtime=0)
    text = base64.b64encode(packed).decode()
    # base64 has none of HTML's signs
    return Markup(text)  # nosec B704
