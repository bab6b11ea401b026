"""What the docs take from the code: the configuration reference, and every comparison; and links that leave docs/."""

from __future__ import annotations

import dataclasses
import json
import logging
import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import griffe
import pydantic
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.pages import Page

from gencompare.comparisons import Claim, Comparison
from gencompare.config.budget import Budget
from gencompare.config.contender import CHOICES, plain
from gencompare.config.plan import Asked
from gencompare.config.typed import END_OF_WHOLE_NUMBERS
from gencompare.config_loader import ComparisonConfigLoader
from gencompare.evaluation.kinds import KINDS
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets import IMAGE_SETS
from gencompare.imagesets.subset import Subset
from gencompare.settings import CONFIG_LOADER_ARGS
from gencompare.tracking.settings import TrackingSettings
from gencompare.training.settings import TrainingSettings

PROJECT = Path(__file__).parents[1]
SECTIONS: dict[str, dict[str, type]] = {
    "asked": {"": Asked},
    "image_sets": dict(IMAGE_SETS),
    **{part: dict(classes) for part, classes in CHOICES.items()},
    "training": {"": TrainingSettings},
    "images": {"": Subset},
    "evaluation": {"": EvaluationSettings},
    "comparison": {"": Comparison},
    "claim": {"": Claim},
    "budget": {"": Budget},
    "mlflow": {"": TrackingSettings},
}
MARKER = re.compile(r"^<!-- (settings|table): (\w+) -->$", re.MULTILINE)
PAPER = re.compile(r"(?<![\[/\w])arXiv:(\d{4}\.\d{4,5})")
OUTSIDE = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)#\s]+)(#[^)]*)?\)")

logger = logging.getLogger("mkdocs.plugins.gencompare")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put pages that the navigation does not name into a section for their folder, or under "More"."""
    docs = Path(config.docs_dir)
    nav: list[Any] = config.nav or []
    pages = {page.relative_to(docs).as_posix() for page in docs.rglob("*.md")}
    for page in sorted(pages.difference(_named(nav)), key=lambda page: (page.count("/"), page)):
        folder = page.split("/")[0].capitalize() if "/" in page else "More"
        section = next((entry[folder] for entry in nav if folder in entry), None)
        if section is None:
            section = []
            nav.insert(len(nav) - 1, {folder: section})
        section.append(page)
    return config


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Fill the markers in, let details hold Markdown, link papers, and see to links that leave docs/."""
    markdown = MARKER.sub(lambda found: _filled(*found.groups()), markdown)
    markdown = re.sub(r"<details( open)?>", r'<details markdown="1"\1>', markdown)
    markdown = PAPER.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", markdown)
    return OUTSIDE.sub(lambda found: _outside(found, page, config), markdown)


def rows(cls: type) -> list[tuple[str, str, str, str]]:
    """Return every setting of a class: its name, what it may be, its default and what it means."""
    schema = pydantic.TypeAdapter(cls).json_schema()
    return list(_rows(cls, schema, schema.get("$defs", {})))


def _rows(
    cls: type, schema: Mapping[str, Any], defs: Mapping[str, Any]
) -> Iterator[tuple[str, str, str, str]]:
    meanings = _meanings(cls)
    for field in dataclasses.fields(cls):
        name = cls.__pydantic_fields__[field.name].alias or field.name  # type: ignore[attr-defined]
        allowed = _resolved(schema["properties"][name], defs)
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if isinstance(default, pydantic.fields.FieldInfo):
            default = default.get_default(call_default_factory=True)
        if dataclasses.is_dataclass(default):
            inner = _rows(type(default), allowed, defs)
            yield from ((f"{name}.{own}", *rest) for own, *rest in inner)
            continue
        shown = "must be given" if default is dataclasses.MISSING else f"`{json.dumps(plain(default))}`"
        yield name, _kind(allowed, defs), shown, meanings.get(field.name, "")


def _meanings(cls: type) -> dict[str, str]:
    """Return what docstrings say of a class's attributes, its own before those that it inherits."""
    found: dict[str, str] = {}
    for one in reversed(cls.__mro__):
        for section in griffe.Docstring(one.__dict__.get("__doc__") or "", parser="google").parse():
            if section.kind is griffe.DocstringSectionKind.attributes:
                for item in section.value:
                    found |= dict.fromkeys(
                        item.name.split(", "), item.description
                    )  # `width, depth: of …` is two
    return found


def _resolved(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Mapping[str, Any]:
    return defs[schema["$ref"].split("/")[-1]] if "$ref" in schema else schema


def _kind(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    """Say in words what a JSON schema allows."""
    schema = _resolved(schema, defs)
    if "anyOf" in schema:
        return " or ".join(_kind(one, defs) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(_kind(one, defs) for one in schema['prefixItems'])}]"
        return f"list of: {_kind(schema['items'], defs)}"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties", True)
        return f"by name: {_kind(inner, defs)}" if isinstance(inner, Mapping) else "settings by name"
    words = {"integer": "whole number", "number": "number", "string": "text", "null": "none"}
    words["boolean"] = "`true` or `false`"
    return " ".join([words[schema["type"]], *_bounds(schema)])


def _bounds(schema: Mapping[str, Any]) -> Iterator[str]:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    for name, sign in signs.items():
        if name in schema and schema[name] != END_OF_WHOLE_NUMBERS:  # which is said once, above the reference
            yield f"{sign} {schema[name]:g}"
    if "multipleOf" in schema:
        yield f"a multiple of {schema['multipleOf']}"


def _filled(kind: str, name: str) -> str:
    return "\n\n".join(_settings(name) if kind == "settings" else TABLES[name]())


def _settings(section: str) -> Iterator[str]:
    """Write a section of the reference: a heading for each choice, its first docstring paragraph, its settings."""
    for name, cls in SECTIONS[section].items():
        if name:
            yield f"### `{name}` {{ #{section}-{name} }}"
            yield (cls.__doc__ or "").split("\n\n")[0].strip()
        table = [(f"`{setting}`", *rest) for setting, *rest in rows(cls)]
        heading = [("setting", "allowed", "default", "meaning"), ("---",) * 4]
        yield "\n".join(_line(*row) for row in heading + table) if table else "It has no settings."


def _comparisons() -> Iterator[str]:
    """Write every comparison of conf/base with what it compares."""
    loader = ComparisonConfigLoader(str(PROJECT / "conf"), **CONFIG_LOADER_ARGS)
    for name, one in loader.plan.comparisons.items():
        yield f"## `{name}`"
        yield f"*{one.question}*"
        yield f"Image set: `{one.image_set['name']}`. Contenders: {', '.join(f'`{c}`' for c in one.contenders)}."
        if one.claims:
            yield "Claims put to the test:"
            yield "\n".join(f"- {claim.says}" for claim in one.claims)
        yield f"```bash\nkedro run --pipeline={name}\n```"


def _kinds() -> Iterator[str]:
    """Write every kind of score."""
    table = [("score", "called", "better", "measures", "says"), ("---",) * 5]
    table += [(f"`{name}`", k.title, k.better, k.measures, k.meaning) for name, k in KINDS.items()]
    yield "\n".join(_line(*row) for row in table)


TABLES = {"comparisons": _comparisons, "kinds": _kinds}


def _line(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _named(nav: Any) -> Iterator[str]:
    """Yield every page that a navigation names."""
    if isinstance(nav, str):
        yield nav
    for entry in nav.values() if isinstance(nav, Mapping) else nav if isinstance(nav, list) else []:
        yield from _named(entry)


def _outside(found: re.Match[str], page: Page, config: MkDocsConfig) -> str:
    """Turn a link to a file of the project outside docs/ into one to its repository, or into its text without one."""
    text, target, anchor = found.groups()
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page.file.src_uri), target))
    if path.startswith("docs/"):
        return found.group()
    if not (PROJECT / path).exists():
        logger.warning("%s: links to %s, which does not exist", page.file.src_uri, path)
    return f"[{text}]({config.repo_url}/blob/main/{path}{anchor or ''})" if config.repo_url else text
