"""Which columns tell of one person: shown to those whose role allows it, else masked."""

from __future__ import annotations

from comove.errors import ComoveError

MASK = "***"
# The key of a dated business decision ends like keys of persons, loans and applications.
_NO_PERSON = frozenset({"adjustment_key"})
# What a person is, owns or earns; and what it follows from with what is shown beside it.
_DETAILS = frozenset(
    {
        "age_band",
        "birth_year",
        "capability",
        "company_assets",
        "company_credit_score",
        "employment_months",
        "family_credit_score",
        "fixed_assets",
        "house_value",
        "limit_ceiling",
        "liquid_assets",
        "monthly_income",
        "monthly_inflow",
        "other_income",
        "personal_credit_score",
        "raw",
        "repayment_capacity",
        "requested_to_income",
        "vehicle_value",
    }
)


class HiddenError(ComoveError):
    """What was asked for tells of persons, and the reader's role does not allow it."""


def is_personal(column: str) -> bool:
    """Say whether a column identifies a person, or tells what a person owns or earns.

    Parameters
    ----------
    column : str
        Of a published table.
    """
    if column in _NO_PERSON:
        return False
    return column.endswith("_key") or column in _DETAILS


def hidden(where: str) -> HiddenError:
    """Make the error for a reader who may not see persons.

    Parameters
    ----------
    where : str
        What was asked for.
    """
    return HiddenError(
        "this tells of single persons, and your role does not allow it.",
        where=where,
        remedy="Ask for a role that may trigger the DAG `overdue_assessment`.",
    )
