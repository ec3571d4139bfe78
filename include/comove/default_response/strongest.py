"""Which of a debtor's actions of a month counts most."""

import duckdb


def mark_strongest(connection: duckdb.DuckDBPyConnection, *, run_id: str) -> None:
    """Mark, of each debtor's actions of a month, the one of the largest index.

    A rejected freeze yields to any other; the first event by id breaks ties.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, open for writing.
    run_id : str
        Months it proposed or decided actions of are marked anew.
    """
    connection.execute(
        """
        with ranked as (
            select
                action_id,
                row_number() over (
                    partition by borrower_key, month
                    order by status = 'rejected', joint_risk_index desc, event_id
                ) = 1 as is_strongest
            from risk.strategy_action
            where month in (
                select month from risk.strategy_action
                where run_id = $run or decided_in_run = $run
            )
        )

        update risk.strategy_action
        set is_strongest = ranked.is_strongest
        from ranked
        where
            strategy_action.action_id = ranked.action_id
            and strategy_action.is_strongest <> ranked.is_strongest
        """,
        {"run": run_id},
    )
