"""Files that cannot be landed, and why."""

from comove.errors import ComoveError


class LandingError(ComoveError):
    """The delivery as a whole cannot be landed."""


class RefusedFileError(ComoveError):
    """One file cannot be landed; nothing of it lands.

    Parameters
    ----------
    rule : str
        Name of the rule it breaks, such as ``truncated_gz``.
    found, where, remedy : str
        As in `ComoveError`.
    status : str
        ``refused``, or ``empty`` for a file without a byte.
    """

    def __init__(
        self, rule: str, found: str, *, where: str, remedy: str, status: str = "refused"
    ) -> None:
        self.rule = rule
        self.status = status
        super().__init__(found, where=where, remedy=remedy)


def unreadable_file(file: str, error: OSError) -> RefusedFileError:
    """Refuse a file the operating system does not let us read."""
    return RefusedFileError(
        "unreadable_file",
        f"the file cannot be opened ({error.strerror or error}).",
        where=file,
        remedy="Give the account that runs comove the right to read it.",
    )


def empty_file(file: str) -> RefusedFileError:
    """Set a file of 0 bytes apart."""
    return RefusedFileError(
        "empty_file",
        "the file has 0 bytes, not even a header.",
        where=file,
        remedy="Deliver it again if it should hold rows; otherwise remove it.",
        status="empty",
    )


def broken_parquet(file: str, error: object) -> RefusedFileError:
    """Refuse a Parquet file that cannot be read to its end."""
    return RefusedFileError(
        "broken_parquet",
        f"the Parquet file is broken or cut short ({str(error).splitlines()[0]}).",
        where=file,
        remedy="Write it anew and deliver it again.",
    )


def truncated_gz(file: str, error: object) -> RefusedFileError:
    """Refuse a gzip file that ends early or does not match its checksum."""
    return RefusedFileError(
        "truncated_gz",
        f"the gzip file is cut short or damaged ({error}).",
        where=file,
        remedy="Transfer it again, in binary mode, and compare its size.",
    )


def not_csv(file: str, looks_like: str, remedy: str) -> RefusedFileError:
    """Refuse a file whose content is not a table in text form."""
    return RefusedFileError(
        "not_csv",
        f"the file is no CSV: {looks_like}.",
        where=f"{file}, row 0 (header)",
        remedy=remedy,
    )


def duplicate_header(file: str, names: list[str]) -> RefusedFileError:
    """Refuse a file that names a column twice."""
    return RefusedFileError(
        "duplicate_header",
        f"column {', '.join(names)} stands more than once in the header.",
        where=f"{file}, row 0 (header)",
        remedy="Name every column once (upper and lower case are the same).",
    )


def missing_column(file: str, names: list[str]) -> RefusedFileError:
    """Refuse a file without a column every row must have."""
    return RefusedFileError(
        "missing_column",
        f"required column {', '.join(names)} is missing.",
        where=f"{file}, row 0 (header)",
        remedy="Add the column, or correct its name, and deliver the file again.",
    )


def contradictory_count(file: str, counted: int, read: int) -> RefusedFileError:
    """Refuse a file of which not every row can be told from the next."""
    return RefusedFileError(
        "rows_run_together",
        f"the file has {counted} rows by its line ends, but {read} can be told apart.",
        where=file,
        remedy='Close every quote (") in the line that opens it, or deliver Parquet.',
    )
