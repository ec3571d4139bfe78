"""When the warehouse is built: daily, each run for one month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airflow._shared.timezones.timezone import coerce_datetime, utcnow
from airflow.timetables.base import DagRunInfo, TimeRestriction
from airflow.timetables.trigger import CronPartitionTimetable

if TYPE_CHECKING:
    from pendulum import DateTime

DAILY = "0 5 * * *"
KEY_FORMAT = "%Y-%m"


class LastCompleteMonth(CronPartitionTimetable):
    """Run daily for the month that ended last; its partition key is ``YYYY-MM``.

    A late or corrected delivery is thus taken up within a day. Catching up and
    backfilling make one run per month, not one per day: the days in between would all
    build the same month.

    Parameters
    ----------
    cron : str
        When a day's run starts, in UTC. It must fire at least once a month.
    """

    def __init__(self, cron: str = DAILY) -> None:
        super().__init__(
            cron,
            timezone="UTC",
            key_format=KEY_FORMAT,
            # Airflow 3.3 takes False for "if the last one was due within a tenth of the
            # period": a DAG first used in the morning would at once run by itself.
            run_immediately=dt.timedelta(0),
        )
        self.description = "Every day, for the last complete month"

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> LastCompleteMonth:
        """Make it from what :meth:`serialize` gave."""
        return cls(data["expression"])

    def serialize(self) -> dict[str, Any]:
        """Give what Airflow keeps of it."""
        return {"expression": self._expression}

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Give the next daily run; while catching up, the first run of the next month.

        Parameters
        ----------
        last_dagrun_info : DagRunInfo or None
            The newest scheduled or backfilled run.
        restriction : TimeRestriction
            Start date, end date and whether to catch up.

        Returns
        -------
        DagRunInfo or None
            None after the end date.
        """
        info = super().next_dagrun_info_v2(
            last_dagrun_info=last_dagrun_info, restriction=restriction
        )
        if info is None or last_dagrun_info is None or not restriction.catchup:
            return info
        if info.partition_key != last_dagrun_info.partition_key:
            return info
        skipped_to = min(self._first_run_for(info), self._present(info))
        return self._info(max(info.run_after, skipped_to))

    def iter_partition_dagrun_infos(
        self, *, earliest: dt.datetime, latest: dt.datetime
    ) -> Iterator[DagRunInfo]:
        """Yield one run per complete month between two dates, for a backfill.

        Parameters
        ----------
        earliest, latest : datetime
            A month is built when its first day lies between them, both included.

        Yields
        ------
        DagRunInfo
            Its ``run_after`` is the first daily run after the month's end, as if it had
            been scheduled then.
        """
        last = self.localize_partition_datetime(latest)
        month = self._month_start(self.localize_partition_datetime(earliest))
        if month < self.localize_partition_datetime(earliest):
            month = month.add(months=1)
        while month <= last and month.add(months=1) <= coerce_datetime(utcnow()):
            yield self._info(self._align_to_next(month.add(months=1)))
            month = month.add(months=1)

    def _get_partition_date(self, *, run_date: DateTime) -> DateTime:
        return self._month_start(coerce_datetime(run_date)).subtract(months=1)

    def _info(self, run_after: DateTime) -> DagRunInfo:
        month, key = self._get_partition_info(run_after)
        return DagRunInfo(
            run_after=run_after,
            data_interval=None,
            partition_date=month,
            partition_key=key,
        )

    def _first_run_for(self, info: DagRunInfo) -> DateTime:
        # Two months after its own first day, the next month is complete.
        return self._align_to_next(info.partition_date.add(months=2))

    def _present(self, info: DagRunInfo) -> DateTime:
        return self._align_to_prev(coerce_datetime(utcnow()))

    @staticmethod
    def _month_start(moment: DateTime) -> DateTime:
        return moment.in_timezone("UTC").start_of("month")
