"""Recalibration: does the score still hold, why not, and what to change."""
