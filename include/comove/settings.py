"""The one settings object: environment prefix ``COMOVE_``, units in the names."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from comove.home import Home, project_root


class Settings(BaseSettings):
    """What an operator can set, with defaults that work.

    Every field is read from the environment variable ``COMOVE_<FIELD>``.
    """

    # An empty COMOVE_HOME would otherwise mean the folder one happens to be in.
    model_config = SettingsConfigDict(
        env_prefix="COMOVE_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    portfolio: str = "simulated"
    home: Path | None = None
    # Folder with the lender's files; without it, `<home>/landing`.
    data: Path | None = None
    seed: Annotated[int, Field(ge=0)] = 20_260_101

    # What counts as an event (a default of the borrower).
    event_dpd_days: Annotated[int, Field(ge=1)] = 30
    # No more than this may be missing from a settled instalment: half the smallest coin.
    settlement_tolerance_amount: Annotated[float, Field(ge=0)] = 0.005
    # A charge-off or a fraud has no cure of its own; its borrower counts as in default
    # for this long.
    default_memory_months: Annotated[int, Field(ge=0)] = 12
    # How 03/04/2024 is read where a column does not say.
    date_order: Literal["dmy", "mdy"] = "dmy"

    duckdb_memory_limit_gib: Annotated[float, Field(gt=0)] = 4.0
    duckdb_threads: Annotated[int, Field(ge=1)] = 2

    # Years before 1900 or after 2100 are read as typing errors, not as dates.
    earliest_year: int = 1900
    latest_year: int = 2100

    @property
    def places(self) -> Home:
        """Where this portfolio keeps its state."""
        folder = self.home or project_root() / ".comove" / self.portfolio
        return Home(folder.expanduser().resolve())

    @property
    def data_folder(self) -> Path:
        """Where the lender's files are."""
        return (self.data or self.places.landing).expanduser().resolve()

    def fingerprint(self) -> str:
        """Hash of every setting that can change a number.

        Returns
        -------
        str
            SHA-256, hexadecimal; the same for equal settings on any machine, so
            folders, memory and threads are left out.
        """
        machine = {"home", "data", "duckdb_memory_limit_gib", "duckdb_threads"}
        kept = self.model_dump(mode="json", exclude=machine)
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
