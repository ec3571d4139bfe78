"""Quality gates: Great Expectations on profiles of the warehouse."""

from comove.quality.gate import GateReport, run_gate
from comove.quality.judge import preload

__all__ = ["GateReport", "preload", "run_gate"]
