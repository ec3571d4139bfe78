"""The glue between Airflow and comove: thin, and imported by every DAG file.

Nothing here imports comove's stages, pandas or Great Expectations when it is imported:
Airflow parses DAG files all the time. Functions import what they need when they run.
"""
