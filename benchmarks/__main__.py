"""``python -m benchmarks [NAME] [options]``; all benchmarks without a name."""

import sys

from benchmarks import (
    decisions,
    factor_copula,
    joint_index,
    overdue_grade,
    pages,
    risk_model,
    score_drift,
    warehouse,
)

BENCHMARKS = {
    "warehouse": warehouse.main,
    "risk_model": risk_model.main,
    "joint_index": joint_index.main,
    "factor_copula": factor_copula.main,
    "score_drift": score_drift.main,
    "overdue_grade": overdue_grade.main,
    "pages": pages.main,
}


# Needs a home that is built already: not among those that are run without a name.
ON_REQUEST = {"decisions": decisions.main}


def main() -> None:
    """Run the benchmark named first, with the options after it; or all of them."""
    name = sys.argv[1] if len(sys.argv) > 1 else None
    if name is None:
        for measure in BENCHMARKS.values():
            measure()
    elif measure := (BENCHMARKS | ON_REQUEST).get(name):
        del sys.argv[1]
        measure()
    else:
        known = ", ".join([*BENCHMARKS, *ON_REQUEST])
        sys.exit(f"{name} is no benchmark; choose of: {known}.")


main()
