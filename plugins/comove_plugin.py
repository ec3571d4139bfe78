"""What comove adds to Airflow: the timetable that builds one month at a time."""

from airflow.plugins_manager import AirflowPlugin

from comove_airflow.timetable import LastCompleteMonth


class ComovePlugin(AirflowPlugin):
    """Registers comove's timetable, so that Airflow can store DAGs that use it."""

    name = "comove"
    timetables = (LastCompleteMonth,)
