"""Conventional risk models: features, training, scoring, registry and reports."""
