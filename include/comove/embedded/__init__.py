"""Airflow on embedded defaults: started, asked over REST, and stopped as processes.

Nothing here imports Airflow. One home has at most one Airflow, bound to 127.0.0.1.
"""
