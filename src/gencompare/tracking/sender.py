"""Delivers what is spooled, beside the run: one line when MLflow does not answer, one when it is back."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gencompare.tracking.server import connect
from gencompare.tracking.spool import Message, Spool, abandoned, for_others
from gencompare.tracking.views import NEWEST, TAG, view_key, view_state

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_BATCHES = 2.0
SECONDS_BETWEEN_TRIES = 5.0
MOST_METRICS = 1000
"""So many MLflow takes at once."""


class Sender:
    """A thread that delivers a spool, after what processes gone since have left in the same folder.

    Args:
        spool: this process's own.
        server: `tracking_uri` and, where it is a file of this project, `artifact_location`.

    Attributes:
        experiment: MLflow's id of our experiment.
        is_delivered: whether MLflow has been told everything, once finished.
    """

    def __init__(self, spool: Spool, server: Mapping[str, Any]) -> None:
        # MLflow imports it, and while one thread is at that, nothing else can ask for a package's version.
        import importlib_metadata  # noqa: F401

        self._spool, self._server = spool, server
        self._finishing, self._is_away, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._last_delivered = time.monotonic()
        self._own: Delivery | None = None
        self.experiment, self.is_delivered = "", False
        threading.Thread(target=self._run, name="tracking", daemon=True).start()

    def finish(self, patience: float, at_most: float = math.inf) -> bool:
        """Wait for what is left to be delivered; return whether it is.

        Args:
            patience: seconds to wait without anything being delivered.
            at_most: seconds to wait in all, of an MLflow that is slow.
        """
        self._finishing.set()
        self._spool.added.set()
        started = time.monotonic()
        while not self._ended.wait(0.05):
            now = time.monotonic()
            if now - started > at_most or now - max(started, self._last_delivered) > patience:
                break
        if not self.is_delivered:
            logger.warning(
                "MLflow has not been told everything: the rest is kept in %s, and the next run, or kedro run "
                "--pipeline=history, delivers it",
                self._spool.file.parent,
            )
        return self.is_delivered

    def _run(self) -> None:
        """Deliver until asked to finish; then what is left, unless MLflow is away."""
        while True:
            self._spool.added.clear()
            last = self._finishing.is_set()
            answered = self._try()
            if last:
                break
            if answered:
                self._spool.added.wait()
            self._finishing.wait(SECONDS_BETWEEN_BATCHES if answered else SECONDS_BETWEEN_TRIES)
        self.is_delivered = self._spool.is_delivered()
        self._spool.close()
        self._ended.set()

    def _try(self) -> bool:
        try:
            self._deliver()
        except Exception as error:  # MLflow or its server's proxy raise anything, and training goes on
            if not self._is_away.is_set():
                logger.warning(
                    "MLflow does not answer; what it is told is kept meanwhile (%s)", _in_a_line(error)
                )
            logger.debug("It was:", exc_info=True)
            self._is_away.set()
            self._own = None
            return False
        if self._is_away.is_set():
            logger.info("MLflow answers again, and has been told what was kept.")
            self._is_away.clear()
        return True

    def _deliver(self) -> None:
        if self._own is None:
            client, self.experiment = connect(self._server)
            self._deliver_left(client)
            self._own = Delivery(self._spool, client, self.experiment, self._note)
        self._own.all()

    def _deliver_left(self, client: MlflowClient) -> None:
        """Deliver what processes gone since have left. Of what MLflow chokes on, none holds up what comes after it."""
        folder, address = self._spool.file.parent, self._server["tracking_uri"]
        for left in abandoned(folder, address):
            try:
                Delivery(left, client, self.experiment, self._note).all(is_abandoned=True)
            except Exception as error:
                if getattr(error, "error_code", None) == "TEMPORARILY_UNAVAILABLE":
                    raise
                client.search_runs([self.experiment], max_results=1)  # raises where MLflow is away
                logger.warning("MLflow takes no more of %s, which is kept (%s)", left.file, _in_a_line(error))
            finally:
                left.close()
        if others := for_others(folder, address):
            logger.info(
                "%s holds what %d earlier runs have for an MLflow at another address: MLFLOW_TRACKING_URI names it",
                folder,
                others,
            )

    def _note(self) -> None:
        self._last_delivered = time.monotonic()


class Delivery:
    """One spool's way to MLflow. What is delivered twice, for it was cut short, makes no difference there.

    Args:
        spool: to deliver.
        client, experiment: where to.
        note: called after each delivered part.
    """

    def __init__(self, spool: Spool, client: MlflowClient, experiment: str, note: Callable[[], None]) -> None:
        self._spool, self._client, self._experiment, self._note = spool, client, experiment, note
        self._ids = dict(spool.ids)
        self._steps: dict[str, set[int]] = {}
        self._metrics: list[Message] = []
        self._with_news, self._without_news = set[str](), set[str]()  # comparisons, by their trainings

    def all(self, is_abandoned: bool = False) -> None:
        """Deliver all there is by now, and end as KILLED what a process gone since has left open.

        Raises:
            Exception: anything, where MLflow does not answer.
        """
        end = 0
        for message, place in self._spool.left():
            is_same_batch = not self._metrics or message["run"] == self._metrics[0]["run"]
            if self._metrics and not (
                message["do"] == "metrics" and is_same_batch and self._has_room(message)
            ):
                self._send_metrics()
                self._delivered(end)
            if message["do"] != "start" and message["run"] not in self._ids:
                self._delivered(place)  # MLflow knows it all, or refused its start
            elif message["do"] == "metrics":
                self._metrics.append(message)
            else:
                self._tell(getattr(self, f"_{message['do']}"), message)
                self._delivered(place)
            end = place
        if self._metrics:
            self._send_metrics()
            self._delivered(end)
        if is_abandoned:
            for run in self._ids:
                self._tell(self._end_as_killed, {"do": "the end", "run": run})

    def _has_room(self, message: Message) -> bool:
        return sum(len(one["values"]) for one in (*self._metrics, message)) <= MOST_METRICS

    def _delivered(self, place: int) -> None:
        self._spool.delivered(place, self._ids)
        self._note()

    def _tell(self, how: Callable[[Message], Any], message: Message) -> None:
        """Say one thing; what MLflow will never take is left out with a line."""
        from mlflow.exceptions import MlflowException

        try:
            how(message)
        except MlflowException as error:
            if error.error_code not in {
                "INVALID_PARAMETER_VALUE",
                "RESOURCE_DOES_NOT_EXIST",
                "INVALID_STATE",
            }:
                raise
            logger.warning("MLflow refuses %s of a run: %s", message["do"], _in_a_line(error))
        except FileNotFoundError as error:
            logger.warning("MLflow was to have a file that is gone: %s", error.filename)

    def _start(self, message: Message) -> None:
        """Begin a run, or go on with the newest of the same training that ended early."""
        run, same = message["run"], message["same"] or message["run"]
        tags = {"same": same, "spooled_as": run} | message["tags"]
        if message["parent"] in self._ids:
            tags["mlflow.parentRunId"] = self._ids[message["parent"]]
        wanted = f"tags.same = '{same}'"
        order = ["attributes.start_time DESC"]
        found = self._client.search_runs([self._experiment], wanted, order_by=order)
        ours = [one for one in found if one.data.tags.get("spooled_as") == run]
        early = [one for one in found if one.info.status in {"KILLED", "FAILED"}]
        if message["reused"] and found and not (ours or early):
            self._without_news.add(message["parent"])  # all that is said of it is known
            return
        self._with_news.add(message["parent"])
        if not (ours or early):
            begun = self._client.create_run(self._experiment, message["at"], tags, message["name"])
            self._ids[run] = begun.info.run_id
            return
        self._ids[run] = (ours or early)[0].info.run_id
        self._client.update_run(self._ids[run], status="RUNNING")
        for name, value in tags.items():
            self._client.set_tag(self._ids[run], name, value)

    def _send_metrics(self) -> None:
        from mlflow.entities import Metric

        run = self._metrics[0]["run"]
        metrics = [
            Metric(name, value, message["at"], message["step"])
            for message in self._metrics
            if not (message["row"] and self._is_known(message))
            for name, value in message["values"].items()
        ]
        self._tell(lambda _: self._client.log_batch(self._ids[run], metrics), self._metrics[0])
        self._metrics.clear()

    def _is_known(self, row: Message) -> bool:
        """Whether MLflow has a history row already, from before an interruption."""
        run = row["run"]
        if run not in self._steps:
            known = self._client.get_metric_history(self._ids[run], next(iter(row["values"])))
            self._steps[run] = {metric.step for metric in known}
        return row["step"] in self._steps[run]

    def _params(self, message: Message) -> None:
        from mlflow.entities import Param

        params = [Param(name, value) for name, value in message["values"].items()]
        self._client.log_batch(self._ids[message["run"]], params=params)

    def _tags(self, message: Message) -> None:
        from mlflow.entities import RunTag

        tags = [RunTag(name, value) for name, value in message["values"].items()]
        self._client.log_batch(self._ids[message["run"]], tags=tags)

    def _file(self, message: Message) -> None:
        self._client.log_artifact(self._ids[message["run"]], message["path"])

    def _input(self, message: Message) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(message["name"], message["digest"], source_type="code", source=message["source"])
        tags = [InputTag("mlflow.data.context", "training")]
        self._client.log_inputs(self._ids[message["run"]], [DatasetInput(dataset, tags)])

    def _model(self, message: Message) -> None:
        from gencompare.tracking.model import log_model

        log_model(self._client, self._ids[message["run"]], message["files"], message["card"])

    def _view(self, message: Message) -> None:
        if self._is_without_news(message["run"]):
            return  # it will not be there
        comparison, image_set = message["comparison"], message["image_set"]
        wanted = f"tags.comparison = '{comparison}' and tags.image_set = '{image_set}'"
        found = self._client.search_runs([self._experiment], wanted, order_by=["attributes.start_time DESC"])
        newest = {run.data.tags["training"]: run.info.run_id for run in reversed(found)}
        runs = [newest[training] for training in message["trainings"] if training in newest]
        state = view_state(runs, message["scores"])
        for key in (view_key(comparison, image_set), NEWEST):
            self._client.set_experiment_tag(self._experiment, f"{TAG}{key}", state)

    def _is_without_news(self, run: str) -> bool:
        return run in self._without_news - self._with_news

    def _end(self, message: Message) -> None:
        self._client.set_terminated(self._ids[message["run"]], message["status"], message["at"])
        if self._is_without_news(message["run"]):
            self._client.delete_run(self._ids[message["run"]])  # nothing was trained

    def _end_as_killed(self, message: Message) -> None:
        if self._client.get_run(self._ids[message["run"]]).info.status == "RUNNING":
            self._client.set_terminated(self._ids[message["run"]], "KILLED")


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
