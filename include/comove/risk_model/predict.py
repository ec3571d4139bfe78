"""Writing predictions month by month, so that memory does not grow with the borrowers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from comove.risk_model.folds import ALGORITHMS, Fold
from comove.risk_model.matrix import read_batches

if TYPE_CHECKING:
    from types import TracebackType

    import duckdb

    from comove.risk_model.fold_store import KeptFold

FloatArray = NDArray[np.float64]

KEYS = ("borrower_key", "month", "is_event")

_PREDICTION = pa.schema(
    [
        ("borrower_key", pa.string()),
        ("month", pa.date32()),
        ("pd", pa.float64()),
        ("is_event", pa.bool_()),
        ("model_version", pa.string()),
        ("algorithm", pa.string()),
        ("is_out_of_sample", pa.bool_()),
    ]
)
SCHEMAS = {
    "predictions": _PREDICTION,
    "forecast": pa.schema(
        [
            field
            for field in _PREDICTION
            if field.name not in ("is_event", "is_out_of_sample")
        ]
    ),
    "candidates": pa.schema(
        [
            ("borrower_key", pa.string()),
            ("month", pa.date32()),
            ("is_event", pa.bool_()),
            ("fold", pa.date32()),
            *((f"pd_{name}", pa.float64()) for name in ALGORITHMS),
        ]
    ),
}


class PredictionFiles:
    """The Parquet files of a run: ``candidates``, ``predictions`` and ``forecast``.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where `source` can be read.
    source : str
        Table or view with a row of features per borrower and month.
    folder : Path
        Where the files are written; they are complete on leaving the context.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, source: str, folder: Path
    ) -> None:
        self._connection = connection
        self._source = source
        self._files = ExitStack()
        self._writers = {
            name: self._files.enter_context(
                pq.ParquetWriter(folder / f"{name}.parquet", schema)
            )
            for name, schema in SCHEMAS.items()
        }

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Complete the files."""
        self._files.close()

    def write_candidates(
        self, kept: KeptFold, fold: Fold, month: dt.date
    ) -> tuple[dict[str, FloatArray], FloatArray]:
        """Predict a month with every algorithm of a fold.

        Parameters
        ----------
        kept : KeptFold
            The fold's models.
        fold : Fold
            Its first month names it in the rows.
        month : date
            First day of the month predicted.

        Returns
        -------
        dict of str to ndarray, and ndarray
            PD by algorithm, and outcomes (1 or 0), in the same order; empty where
            nobody was at risk.
        """
        found: dict[str, list[FloatArray]] = {name: [] for name in kept.records}
        outcomes: list[FloatArray] = [np.empty(0)]
        for keys, pds in self._scored(kept, month):
            outcome = keys.column("is_event").to_numpy(zero_copy_only=False)
            outcomes.append(outcome.astype(np.float64))
            for name, p in pds.items():
                found[name].append(p)
            told = {f"pd_{name}": pa.array(p) for name, p in pds.items()}
            self._write("candidates", keys, {"fold": fold.first_month, **told})
        together = {n: np.concatenate([np.empty(0), *p]) for n, p in found.items()}
        return together, np.concatenate(outcomes)

    def write_champion(
        self, name: str, kept: KeptFold, algorithm: str, month: dt.date
    ) -> int:
        """Predict a month with the champion.

        Parameters
        ----------
        name : str
            ``predictions``, or ``forecast`` for the month to come.
        kept : KeptFold
            Fold whose model is in force.
        algorithm : str
            The one in force.
        month : date
            First day of the month predicted.

        Returns
        -------
        int
            Rows written.
        """
        record, rows = kept.records[algorithm], 0
        is_later = record.trained_to is not None and record.trained_to < month
        for keys, pds in self._scored(kept, month):
            told = {
                "pd": pa.array(pds[algorithm]),
                "model_version": record.model_version,
                "algorithm": algorithm,
                "is_out_of_sample": is_later,
            }
            self._write(name, keys, told)
            rows += len(keys)
        return rows

    def _scored(
        self, kept: KeptFold, month: dt.date
    ) -> Iterator[tuple[pa.Table, dict[str, FloatArray]]]:
        relation = f"select * from {self._source} where month = date '{month}'"  # noqa: S608 - a date of ours
        encoding = kept.model.encoding
        for batch in read_batches(
            self._connection, relation, encoding, keys=KEYS, label=None
        ):
            yield batch.keys, kept.model.pds(batch.x)

    def _write(self, name: str, keys: pa.Table, told: dict[str, Any]) -> None:
        schema = SCHEMAS[name]
        columns = [_column(keys, told, field) for field in schema]
        self._writers[name].write_table(pa.table(columns, schema=schema))


def _column(keys: pa.Table, told: dict[str, Any], field: pa.Field) -> Any:
    if field.name in keys.column_names:
        return keys.column(field.name)
    value = told.get(field.name)
    if isinstance(value, pa.Array):
        return value
    return pa.array([value] * len(keys), field.type)
