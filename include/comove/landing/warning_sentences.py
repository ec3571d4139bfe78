"""What an operator should know about the files of a landing run."""

from collections.abc import Iterator

from comove.landing.delivery import Delivery


def warning_sentences(deliveries: list[Delivery]) -> list[str]:
    """Sentences about files that landed with something missing, or not at all."""
    return [sentence for delivery in deliveries for sentence in _sentences(delivery)]


def unknown_file_sentence(name: str) -> str:
    """Say that a file belongs to no entity."""
    return (
        f"{name}: the file belongs to no entity and was not read. Put it in the "
        "folder of its entity, ending in .parquet, .csv or .csv.gz, or remove it."
    )


def _sentences(delivery: Delivery) -> Iterator[str]:
    if delivery.reason:
        yield delivery.reason
    if delivery.missing_columns:
        yield (
            f"{delivery.file}, row 0 (header): column {delivery.missing_columns} is "
            "missing and read as empty. Deliver it if you have it."
        )
    if delivery.unknown_columns:
        yield (
            f"{delivery.file}, row 0 (header): column {delivery.unknown_columns} is "
            "unknown and kept in _extra only. Correct its name if the contract has it."
        )
    if delivery.rows_unreadable:
        yield (
            f"{delivery.file}: {delivery.rows_unreadable:,} of {delivery.rows_landed:,} "
            "rows cannot be split into columns. audit.quarantine says which and why; "
            "deliver them again, corrected."
        )
    if delivery.rows_recoded:
        yield (
            f"{delivery.file}: {delivery.rows_recoded:,} lines are not UTF-8 and were "
            "read as Windows-1252. Deliver UTF-8 to be sure of every letter."
        )
