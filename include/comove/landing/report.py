"""What a landing run did, in counts and sentences."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class EntityReport:
    """Counts of one entity in one landing run.

    Parameters
    ----------
    files_new, files_skipped, files_refused, files_empty : int
        Files landed now; unchanged since they landed; refused; without a byte.
    rows_landed : int
        Rows found in the new files, unreadable ones included.
    rows_unreadable : int
        Rows whose line cannot be split into columns, kept in `audit.unreadable_row`.
    rows_recoded : int
        Lines that were not UTF-8 and have been read as Windows-1252.
    """

    files_new: int = 0
    files_skipped: int = 0
    files_refused: int = 0
    files_empty: int = 0
    rows_landed: int = 0
    rows_unreadable: int = 0
    rows_recoded: int = 0


@dataclass(frozen=True)
class LandingReport:
    """What a landing run did.

    Parameters
    ----------
    entities : dict of str to EntityReport
        Counts by entity, in contract order.
    warnings : tuple of str
        Sentences for the operator: what was found, where, what to do.
    """

    entities: dict[str, EntityReport] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def rows_landed(self) -> int:
        """Rows found in all new files, unreadable ones included."""
        return sum(entity.rows_landed for entity in self.entities.values())

    @property
    def files_new(self) -> int:
        """Files landed now."""
        return sum(entity.files_new for entity in self.entities.values())

    @property
    def files_refused(self) -> int:
        """Files refused, which the gate `landed` will fail on."""
        return sum(entity.files_refused for entity in self.entities.values())
