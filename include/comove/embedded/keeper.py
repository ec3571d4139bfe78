"""The first process of an embedded Airflow's session: starts its parts, keeps them up.

Run as ``python -m comove.embedded.keeper <note> <folder of logs> <part>…``. It imports
next to nothing, since it is waited for.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

# A part that dies again and again has a fault that starting it anew does not cure.
MOST_STARTS = 4
NOTE_SECONDS = 10.0
# Tasks are forks of the scheduler: what it has imported they need not import again.
PRELOADED = "great_expectations,dbt.cli.main"
PARTS: dict[str, tuple[str, ...]] = {
    "api-server": ("airflow", "api-server"),
    "scheduler": (
        "comove.embedded.preloaded",
        PRELOADED,
        "airflow",
        "scheduler",
        "--skip-serve-logs",
    ),
    "dag-processor": ("airflow", "dag-processor"),
    "triggerer": ("airflow", "triggerer", "--skip-serve-logs"),
}


@dataclass
class Part:
    """One process of Airflow.

    Parameters
    ----------
    name : str
        One of `PARTS`.
    log_folder : Path
        Gets ``<name>.log``.
    """

    name: str
    log_folder: Path
    starts: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def keep(self) -> None:
        """Start it if it does not run, unless it died too often."""
        if self.process and self.process.poll() is None:
            return
        if self.starts >= MOST_STARTS:
            return
        self.starts += 1
        with (self.log_folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *PARTS[self.name]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )


def main() -> None:
    """Keep the parts named on the command line until asked to end."""
    note, log_folder = Path(sys.argv[1]), Path(sys.argv[2])
    # What is not noted could not be found again if whoever started it died now.
    if not _is_noted(note):
        sys.exit("Nobody noted that this process was started.")
    parts = [Part(name, log_folder) for name in sys.argv[3:]]
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        for part in parts:
            part.keep()
        time.sleep(1)


def _is_noted(note: Path) -> bool:
    deadline = time.monotonic() + NOTE_SECONDS
    while time.monotonic() < deadline:
        try:
            if json.loads(note.read_text())["keeper"]["pid"] == os.getpid():
                return True
        except (FileNotFoundError, json.JSONDecodeError):
            pass
        time.sleep(0.01)
    return False


def _end(_number: int, _frame: FrameType | None) -> None:
    # The parts are ended by whoever ends the session, each one directly.
    sys.exit(0)


if __name__ == "__main__":
    main()
