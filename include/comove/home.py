"""Where a portfolio keeps its state, and where the project's own files are."""

import os
import re
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


def project_root() -> Path:
    """Folder that holds ``dags``, ``dbt_project`` and ``include``."""
    return Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Home:
    """Folders and files of one portfolio.

    Parameters
    ----------
    root : Path
        ``COMOVE_HOME``.
    """

    root: Path

    @property
    def landing(self) -> Path:
        """The lender's files, a folder per entity."""
        return self.root / "landing"

    @property
    def truth(self) -> Path:
        """What the simulator planted; the pipeline never reads it."""
        return self.root / "truth"

    @property
    def warehouse(self) -> Path:
        """DuckDB file that only tasks in the pool ``duckdb_writer`` open."""
        return self.root / "warehouse" / "comove.duckdb"

    @property
    def serving(self) -> Path:
        """Published DuckDB file that everyone reads."""
        return self.root / "serving" / "comove.duckdb"

    @property
    def artifacts(self) -> Path:
        """Models and posteriors."""
        return self.root / "artifacts"

    @property
    def reports(self) -> Path:
        """Pages and pictures."""
        return self.root / "reports"

    @property
    def docs(self) -> Path:
        """The dbt docs site of the published run."""
        return self.root / "docs"

    @property
    def scratch(self) -> Path:
        """Files that may be deleted whenever nothing runs."""
        return self.root / "scratch"

    @property
    def notified(self) -> Path:
        """What was told to whom; deleted, it is told again."""
        return self.root / "notified"

    @property
    def airflow(self) -> Path:
        """Airflow's own home."""
        return self.root / "airflow"

    def run_folder(self, stage: str, run_id: str) -> Path:
        """Folder of the files one run hands from task to task.

        Parameters
        ----------
        stage : str
            Folder below `scratch` that its runs share.
        run_id : str
            As Airflow names it; what a file system may not like becomes ``_``.
        """
        return self.scratch / stage / re.sub(r"[^A-Za-z0-9._-]", "_", run_id)

    def make(self) -> None:
        """Create every folder that is missing; only its owner enters those with names."""
        for folder in (self.warehouse.parent, self.scratch):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (
            self.serving.parent,
            self.artifacts,
            self.reports,
            self.docs,
            self.airflow,
        ):
            folder.mkdir(parents=True, exist_ok=True)

    def secret(self, name: str) -> str:
        """Give a secret of this home, made on first use and kept with mode 0600.

        Parameters
        ----------
        name : str
            File name under ``secrets/``.

        Returns
        -------
        str
            64 hexadecimal digits, unless the operator put something else there.
        """
        file = self.root / "secrets" / name
        if not file.is_file():
            write_secret(file, secrets.token_hex(32))
        return file.read_text().strip()


def write_secret(file: Path, text: str) -> None:
    """Write a file only its owner reads, whole or not at all; one that is there stays.

    Parameters
    ----------
    file : Path
        Where to; its folder is made with mode 0700.
    text : str
        What it will hold.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Linking a finished file means that nobody reads a secret half written, not even
    # after a crash, and that of two who make it at once only one is heard.
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        os.unlink(draft)
