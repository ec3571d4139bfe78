"""The month in one report: what moved, why, and what waits for a person."""
