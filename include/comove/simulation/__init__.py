"""A simulated lender: every entity of the contract, with its truth known."""

from comove.simulation.lender import SimulationReport, simulate
from comove.simulation.plan import Channel, Drift, Plan

__all__ = ["Channel", "Drift", "Plan", "SimulationReport", "simulate"]
