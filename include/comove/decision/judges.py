"""The models that judge the applications of one time."""

from __future__ import annotations

from dataclasses import dataclass

from comove.decision.admission import Admission
from comove.decision.limit import LimitModel

EXISTING, EVERYONE = "existing", "everyone"


@dataclass(frozen=True)
class Named[M]:
    """A model and its version."""

    model: M
    version: str


@dataclass(frozen=True)
class Judges:
    """The models of one time; None where none is in force.

    Parameters
    ----------
    existing, everyone : Named of Admission or None
        Learned on borrowers with loans before; on all.
    limit : Named of LimitModel or None
        Of amounts.
    """

    existing: Named[Admission] | None
    everyone: Named[Admission] | None
    limit: Named[LimitModel] | None

    def admission(self, is_existing: bool) -> Named[Admission] | None:
        """Choose who judges an applicant the score does not."""
        return (self.existing if is_existing else None) or self.everyone
