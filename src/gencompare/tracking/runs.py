"""What MLflow is told of a run: of the comparison as a whole, and of each training, whose run is its child."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from gencompare.config.typed import flatten
from gencompare.tracking.spool import Spool


class TrackedRun:
    """One MLflow run. Everything said of it is written down; when MLflow hears it is the sender's affair.

    Attributes:
        id: ours, by which the spool knows it.
        name: in MLflow.
    """

    def __init__(
        self,
        spool: Spool,
        name: str,
        tags: Mapping[str, str],
        parent: TrackedRun | None = None,
        same: str | None = None,
        reused: bool = False,
    ) -> None:
        """Begin it, or go on with one that was to be the same and ended early.

        Args:
            spool: to write to.
            name, tags: of the run.
            parent: the run that it is a part of.
            same: what tells which interrupted run was to be the same; None never goes on with one.
            reused: whether nothing is trained for it: MLflow hears of it only where it knows no such run.
        """
        self.id, self.name = uuid4().hex, name
        self._spool = spool
        self._steps: set[int] = set()
        above = parent.id if parent else None
        self._say("start", name=name, tags=dict(tags), parent=above, same=same, reused=reused)

    def add_row(self, row: Mapping[str, float]) -> None:
        """Note a history row, unless it is known."""
        step = round(1000 * row["kimg"])
        if step not in self._steps:
            values = {name: value for name, value in row.items() if name != "kimg"}
            self._say("metrics", values=values, step=step, row=True)
            self._steps.add(step)  # else the whole history, once it is there, fills the gap

    def log(self, values: Mapping[str, Any], step: int = 0) -> None:
        """Note numbers as metrics and words as tags."""
        flat = flatten(values)
        numbers = {k: float(v) for k, v in flat.items() if isinstance(v, (int, float))}
        self._say("metrics", values=numbers, step=step, row=False)
        words = {k: v for k, v in flat.items() if isinstance(v, str)}
        if words:
            self._say("tags", values=words)

    def log_params(self, settings: Mapping[str, Any]) -> None:
        """Note complete settings, flattened."""
        self._say("params", values={name: str(value)[:6000] for name, value in flatten(settings).items()})

    def log_file(self, path: Path) -> None:
        """Note a file, to be copied to the run's artifacts; it must stay where it is until it is delivered."""
        self._say("file", path=str(path))

    def log_image_set(self, card: Mapping[str, Any]) -> None:
        """Note the prepared images as an input of the run."""
        source = json.dumps({"source": str(card.get("source", ""))})
        self._say("input", name=card["folder"], digest=card["sha256"]["train"][:36], source=source)

    def show(self, comparison: str, image_set: str, trainings: Sequence[str], scores: Sequence[str]) -> None:
        """Have MLflow's pages open on the newest runs of a comparison's trainings, by some scores."""
        self._say(
            "view",
            comparison=comparison,
            image_set=image_set,
            trainings=list(trainings),
            scores=list(scores),
        )

    def close(self, status: str) -> None:
        """End the run, as FINISHED, FAILED or KILLED."""
        self._say("end", status=status)

    def _say(self, do: str, **values: Any) -> None:
        self._spool.add(do, self.id, **values)


class TrainingRun(TrackedRun):
    """One training's run."""

    def __init__(
        self,
        spool: Spool,
        parent: TrackedRun,
        name: str,
        tags: Mapping[str, str],
        settings: Mapping[str, Any],
        image_set: Mapping[str, Any],
        reused: bool = False,
    ) -> None:
        """Begin it, or go on with the run that an interruption cut short.

        Args:
            spool: to write to.
            parent: the comparison's run.
            name: of the run.
            tags: of the run, `comparison` and `training`, the training's name, among them.
            settings, image_set: complete; with the comparison they tell which interrupted run was to be the same.
            reused: whether the training was there already.
        """
        facts = json.dumps([tags["comparison"], image_set, settings], sort_keys=True)
        super().__init__(spool, name, tags, parent, hashlib.sha256(facts.encode()).hexdigest(), reused)
        self.training = tags["training"]
        self.log_params(settings)

    def record(self, kind: str, value: Any, dataset: Any) -> None:
        """Mirror one output of the contender's nodes."""
        if kind == "history":
            for row in value.to_dict("records"):
                self.add_row(row)
        elif kind == "curve":
            for point in value.get("points", ()):
                self.log({"validation_kid": point["value"]}, step=round(1000 * point["kimg"]))
        elif kind in {"outcome", "cost", "sampling_cost"}:
            self.log(value)
        elif kind == "scores":
            self.log({name: score["value"] for name, score in value["scores"].items()})
        elif kind in {"sample_grid", "interpolation", "trajectory", "stages"}:
            self.log_file(newest_file(dataset))

    def log_model(self, datasets: Mapping[str, Any], card: str) -> None:
        """Note the contender's model: the newest files of some datasets, by their name in it, and its card."""
        self._say("model", files={name: str(newest_file(one)) for name, one in datasets.items()}, card=card)


def newest_file(dataset: Any) -> Path:
    """Return where a dataset's newest version lies."""
    return Path(str(dataset._get_load_path()))
