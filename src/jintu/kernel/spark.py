"""Apache Spark as an executor: where a ministry runs Spark already, its workers do the tasks.

    executor("spark://master:7077")     the workers of a standalone master; "spark:yarn", "spark:local[4]" likewise
    executor("spark")                   the session that runs already, or what ``spark-submit`` says

What all tasks share is broadcast once, and with it the items: references to row groups, a few bytes each, never their
geometry. Spark deals out the numbers of the items; `mapInArrow` runs the tasks and gives the pickled answers back. They
are put in the order of the items, so that sums come out the same to the last bit as on threads. A task whose worker
died is done again by Spark (``spark.task.maxFailures``).

Workers need this package (the same version) and see the files under the same paths. All answers are collected before
the first is given: the driver holds the partial sums of every fragment.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import JintuError, Missing

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Spark"]

_PARTITIONS_A_CORE = 4
"""Enough for cores to finish together, few enough that starting them does not count."""


@dataclass(frozen=True)
class Spark:
    """A Spark session: the one that runs, or a new one at ``master`` (the configured master when empty)."""

    master: str = ""

    def run(self, task: Callable[[Any, Any], Any], shared: Any, items: Iterable[Any]) -> Iterator[Any]:
        """``task(shared, item)`` of each item, in the order of the items; the first error is raised."""
        session = self._session()
        given = list(items)
        if not given:
            return
        sent = session.sparkContext.broadcast(pickle.dumps((shared, given)))
        try:
            partitions = min(len(given), _PARTITIONS_A_CORE * session.sparkContext.defaultParallelism)
            answers = (
                session.range(0, len(given), 1, partitions)
                .mapInArrow(_mapper(task, sent), "number long, answer binary")
                .toArrow()
                .sort_by("number")
            )
            for answer in answers.column("answer"):
                found = pickle.loads(answer.as_py())  # noqa: S301  written by our own workers
                if isinstance(found, JintuError):
                    raise found
                yield found
        finally:
            sent.unpersist()

    def _session(self) -> Any:
        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise Missing("PySpark is not installed.", remedy="Install it: pip install jintu[spark].") from error
        running = SparkSession.getActiveSession()
        if running is not None and not self.master:
            return running
        builder = SparkSession.builder.appName("jintu")
        if self.master:
            builder = builder.master(self.master)
        if self.master.startswith("local"):  # its workers are of this machine: the same Python
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
            builder = builder.config("spark.ui.enabled", "false")
        return builder.getOrCreate()


def _mapper(
    task: Callable[[Any, Any], Any], sent: Any
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function of a partition. An error with a sentence is an answer; any other is for Spark to try again."""

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        shared, items = pickle.loads(sent.value)  # noqa: S301  sent by our own driver
        for batch in batches:
            for number in batch.column(0).to_pylist():
                try:
                    answer = task(shared, items[number])
                except JintuError as error:
                    answer = error
                columns = [pa.array([number], pa.int64()), pa.array([pickle.dumps(answer)], pa.binary())]
                yield pa.RecordBatch.from_arrays(columns, ["number", "answer"])

    return work
