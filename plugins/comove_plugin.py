"""What comove adds to Airflow: a timetable of months, and its pages in the menu."""

from airflow.plugins_manager import AirflowPlugin

from comove_airflow.pages import MENU, MOUNTED
from comove_airflow.timetable import LastCompleteMonth


class ComovePlugin(AirflowPlugin):
    """Registers the timetable, without which no DAG could be stored, and the pages."""

    name = "comove"
    timetables = (LastCompleteMonth,)
    fastapi_apps = MOUNTED
    external_views = MENU
