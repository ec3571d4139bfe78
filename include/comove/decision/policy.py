"""What decisions are made by: settings, the seed and bands of the score, with a hash."""

import datetime as dt
import hashlib
import json
import math
from dataclasses import asdict, astuple, dataclass
from typing import Any, Self

import duckdb

from comove.connection import utc_now
from comove.decision.scratch import DecisionError
from comove.portfolio import load_portfolio
from comove.recalibration.versions import followed_as_of, read_version
from comove.settings import Settings

SEED = "risk.transaction_strategies"
COLUMNS = (
    "qualification", "score_from", "score_to", "limit_band", "limit_from", "limit_to",
    "strategy", "first_draw_share", "needs_review",
)  # fmt: skip
BAND_COLUMNS = ("band", "score_from", "score_to", "action", "limit_factor")


@dataclass(frozen=True)
class Policy:
    """Every number a decision follows from, besides inputs and lending control.

    Parameters
    ----------
    min_probability : float
        Least probability of repaying that is admitted.
    uncertain_margin : float
        So near to it a person looks.
    income_months : float
        Limit and what is still open, at most so many months of income.
    max_growth : float
        Limit of who repaid before, at most so many times the largest loan repaid.
    step_amount : float
        Limits are whole multiples of it, in currency.
    unit_amount : float
        Unit of the seed's limit bands, in currency.
    strategies : tuple of tuple
        Rows of the seed, in the order of qualification and limit.
    bands : tuple of tuple
        Bands of the score's strategy in force, lowest first; none where that is the
        seed, which nobody approved, or in points of the lender's score.
    bands_version : int or None
        Their version in ``risk.strategy_version``.
    """

    min_probability: float
    uncertain_margin: float
    income_months: float
    max_growth: float
    step_amount: float
    unit_amount: float
    strategies: tuple[tuple[Any, ...], ...]
    bands: tuple[tuple[Any, ...], ...] = ()
    bands_version: int | None = None

    @classmethod
    def read(
        cls,
        connection: duckdb.DuckDBPyConnection,
        settings: Settings,
        moment: dt.datetime | None = None,
    ) -> Self:
        """Take the policy of today, with the bands of the score in force at a moment.

        Parameters
        ----------
        connection : duckdb.DuckDBPyConnection
            With the seed loaded: the warehouse or the published copy.
        settings : Settings
            The numbers.
        moment : datetime, optional
            UTC without a zone; by default now.

        Raises
        ------
        DecisionError
            When the seed is not there, or empty.
        """
        try:
            rows = connection.execute(
                f"select {', '.join(COLUMNS)} from {SEED} "  # noqa: S608 - names of ours
                "order by score_from nulls first, limit_from nulls first"
            ).fetchall()
        except duckdb.CatalogException:
            rows = []
        if not rows:
            raise DecisionError(
                "there are no strategies to decide by.",
                where="dbt_project/seeds/transaction_strategies.csv",
                remedy="Run the DAG `credit_decision`: `build_cases` loads them.",
            )
        portfolio = load_portfolio(settings.portfolio)
        version, bands = _bands(connection, moment or utc_now())
        return cls(
            min_probability=settings.admission_min_probability,
            uncertain_margin=settings.admission_uncertain_margin,
            income_months=settings.limit_income_months,
            max_growth=settings.limit_max_growth,
            step_amount=settings.limit_step_amount or portfolio.limit_step_amount,
            unit_amount=settings.limit_unit_amount or portfolio.limit_unit_amount,
            strategies=tuple(rows),
            bands=bands,
            bands_version=version,
        )

    @property
    def rows(self) -> tuple[dict[str, Any], ...]:
        """Rows of the seed, by column."""
        return tuple(dict(zip(COLUMNS, row, strict=True)) for row in self.strategies)

    def strategy_of(self, qualification: str | None, limit: float) -> dict[str, Any]:
        """Find the seed's row of a qualification and a limit.

        Parameters
        ----------
        qualification : str or None
            As the seed names it; None, where there is no score, for the weakest.
        limit : float
            In currency, above 0.

        Raises
        ------
        DecisionError
            When the seed has a gap there.
        """
        weakest = min(self.rows, key=lambda row: _or(row["score_from"], -math.inf))
        wanted = qualification or weakest["qualification"]
        for row in self.rows:
            low, high = _or(row["limit_from"], -math.inf), _or(row["limit_to"], math.inf)
            if row["qualification"] == wanted and low <= limit / self.unit_amount < high:
                return row
        raise DecisionError(
            f"there is no strategy for {wanted!r} and a limit of {limit:,.0f}.",
            where=SEED,
            remedy="Close the gap in the seed transaction_strategies.",
        )

    @property
    def content(self) -> str:
        """The policy as JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def policy_hash(self) -> str:
        """Hash of its content, 16 hexadecimal digits."""
        return hashlib.sha256(self.content.encode()).hexdigest()[:16]

    @classmethod
    def from_json(cls, content: str) -> Self:
        """Read what `content` gave."""
        told = json.loads(content)
        for name in ("strategies", "bands"):
            # Policies from before bands were followed have none.
            told[name] = tuple(tuple(row) for row in told.get(name, ()))
        return cls(**told)

    @classmethod
    def kept(cls, connection: duckdb.DuckDBPyConnection, policy_hash: str) -> Self:
        """Read the policy an earlier decision was made by.

        Raises
        ------
        DecisionError
            When it was not kept.
        """
        row = connection.execute(
            "select policy from risk.decision_policy where policy_hash = ?", [policy_hash]
        ).fetchone()
        if row is None:
            raise DecisionError(
                f"the policy {policy_hash} was not kept.",
                where="risk.decision_policy",
                remedy="Look for the row in an older copy of the warehouse.",
            )
        return cls.from_json(row[0])

    def keep(self, connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
        """Keep the policy for replays, once.

        Parameters
        ----------
        connection : duckdb.DuckDBPyConnection
            The warehouse, open for writing.
        run_id : str
            Whose decisions it was first used for.
        """
        connection.execute(
            """
            insert into risk.decision_policy
            select $hash, $content, $run, $now
            where $hash not in (select policy_hash from risk.decision_policy)
            """,
            {
                "hash": self.policy_hash,
                "content": self.content,
                "run": run_id,
                "now": utc_now(),
            },
        )


def _bands(
    connection: duckdb.DuckDBPyConnection, moment: dt.datetime
) -> tuple[int | None, tuple[tuple[Any, ...], ...]]:
    """Read the bands that applications are decided by."""
    version = followed_as_of(connection, moment)
    if version is None:
        return None, ()
    bands = read_version(connection, version).bands
    return version, tuple(astuple(band) for band in bands)


def _or(value: Any, otherwise: float) -> float:
    return otherwise if value is None or value != value else float(value)
