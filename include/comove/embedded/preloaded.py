"""Run a module in a process that has imported others before.

``python -m comove.embedded.preloaded great_expectations,dbt.cli.main airflow scheduler``
is ``python -m airflow scheduler``, with two libraries imported first. Airflow's
LocalExecutor forks its workers, and they fork the tasks, so what the scheduler holds in
memory no task has to import again: Great Expectations costs 7 s of processor time and dbt
3 s, once for every start of Airflow instead of once for every task.

Only libraries are imported this way, never comove's own code: a change to that takes
effect in the next task. Both leave no Python thread behind when they are imported, which
is what makes forking afterwards sound.
"""

import runpy
import sys
from importlib import import_module


def main() -> None:
    """Import what the first argument lists, then run the rest as a module."""
    _, listed, *sys.argv = sys.argv
    for name in listed.split(","):
        import_module(name)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
