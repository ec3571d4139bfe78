"""The SQL of a decision as dbt renders it, for tests that need no dbt."""

from typing import Any

from jinja2 import Environment

from comove.home import project_root

VARIABLES = {
    "overdue_target_type": "recoverable",
    "overdue_min_type_probability": 0.5,
}


def decision_sql(cases: str, **variables: Any) -> str:
    """Render the macro ``overdue_decision``; references are the names of tables.

    Parameters
    ----------
    cases : str
        Relation of the cases.
    **variables
        In place of the project's defaults.
    """
    file = project_root() / "dbt_project" / "macros" / "overdue" / "overdue_decision.sql"
    known = VARIABLES | variables
    environment = Environment(autoescape=False)  # noqa: S701 - SQL, not a page
    environment.globals |= {
        "var": lambda name: known[name],
        "ref": lambda name: f"risk.{name}",
        "source": lambda _, name: f"risk.{name}",
    }
    text = file.read_text() + f"{{{{ overdue_decision('{cases}') }}}}"
    return environment.from_string(text).render()
