"""comove: a credit-risk data platform for lenders, free of Airflow."""

__version__ = "0.1.0"
