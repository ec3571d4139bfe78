"""Errors that say what was found, where, and what to do."""


class ComoveError(Exception):
    """An error an operator can act on.

    Parameters
    ----------
    found : str
        What was found, as a sentence.
    where : str
        File, table, setting or command it was found in.
    remedy : str
        What to do about it, as an instruction.
    """

    def __init__(self, found: str, *, where: str, remedy: str) -> None:
        self.found = found
        self.where = where
        self.remedy = remedy
        super().__init__(f"{where}: {found} {remedy}")


class SettingsError(ComoveError):
    """A setting, portfolio or source description is wrong."""


class GateFailedError(ComoveError):
    """A gate found a critical failure; what follows must not run.

    Parameters
    ----------
    found, where, remedy : str
        As of `ComoveError`.
    checks : tuple of str
        Names of the checks that failed, where the gate knows them.
    """

    def __init__(
        self, found: str, *, where: str, remedy: str, checks: tuple[str, ...] = ()
    ) -> None:
        super().__init__(found, where=where, remedy=remedy)
        self.checks = checks


class WarehouseError(ComoveError):
    """The warehouse could not be built, read or published."""


class WarehouseBusyError(WarehouseError):
    """Another process holds the warehouse; trying again later may help."""


class ModelError(ComoveError):
    """A model cannot be fitted, read or applied on what it was given."""
