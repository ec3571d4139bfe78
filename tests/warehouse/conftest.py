"""A tiny lender, landed and built: what the tests of the warehouse look at."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from comove.connection import connect
from comove.landing import land
from comove.settings import Settings
from comove.warehouse import BuildReport, build

MARCH = dt.date(2024, 3, 1)

# A borrower, a loan and a payment that are right, and one of every kind of wrong.
FIRST_DELIVERY = {
    "borrowers/first.csv": """\
borrower_id,kind,name,born_or_founded_on,region,industry,registered_at,monthly_income
B1,person,Ada,1980-05-31,North,retail,2023-01-05 10:00:00,"1,200.50"
B2,Company,Bob & Co,31/12/1999,  South   East ,,05/01/2023 10:00,$2 000
B3,alien,Cy,1980-05-31,North,retail,2023-01-05,1
,person,Di,1980-05-31,North,retail,2023-01-05,2
B5,person,Ed,1980-05-31,North,retail,2023-01-05,-5
B6,person,Flo,1780-05-31,North,retail,2023-01-05,4
B7,person,Gus,1980-05-31,North,retail,2094-01-05,8
B8,person,Hal,1980-05-31,North,retail,2023-01-05,a lot
B1,person,Ada Old,1980-05-31,West,retail,2023-01-05,16
""",
    "applications/first.csv": """\
application_id,borrower_id,applied_at,requested_amount,decision,decided_at,disbursed_at
A1,B1,2024-01-05,300,approved,2024-01-06,2024-01-10
A2,B1,2024-01-05,400,rejected,2024-01-04,
A3,B9,2024-01-05,500,,,
A4,B1,2024-01-05,600,rejected,2024-01-06,2024-01-10
A5,B1,2024-01-05,-1,,,
""",
    "loans/first.csv": """\
loan_id,borrower_id,principal,annual_rate,term_months,disbursed_on,cycle_days
L1,B1,300,24%,3,2024-01-10,30
L2,B9,300,0.24,3,2023-11-10,30
L3,B1,300,99,3,2024-01-10,30
L4,B1,300,0.24,2.5,2024-01-10,30
""",
    "repayments/first.csv": """\
loan_id,instalment_no,payment_no,due_on,due_amount,paid_on,paid_amount
L1,1,1,2024-02-10,100,2024-02-12,100
L1,2,0,2024-03-10,100,,
L1,3,1,2024-04-10,100,,50
L2,1,1,2023-12-10,100,2023-12-10,100
L1,0,1,2024-02-10,100,2024-02-12,100
""",
}
# Instalment 1 was paid a month later than first said, and loan 2's borrower turns up.
SECOND_DELIVERY = {
    "borrowers/second.csv": "borrower_id,kind,region\nB9,person,North\n",
    "repayments/second.csv": """\
loan_id,instalment_no,payment_no,due_on,due_amount,paid_on,paid_amount
L1,1,1,2024-02-10,100,2024-03-12,100
""",
}


@dataclass(frozen=True)
class Lender:
    """A home with a tiny lender.

    Parameters
    ----------
    settings : Settings
        Of its home.
    report : BuildReport
        Of its first build.
    told : list of str
        What the first build said while it worked.
    """

    settings: Settings
    report: BuildReport
    told: list[str]

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Answer of the warehouse."""
        with connect(self.settings) as connection:
            return connection.execute(sql, values).fetchall()

    def deliver(self, files: dict[str, str]) -> None:
        """Put files into the landing folder, and land them."""
        for name, text in files.items():
            file = self.settings.data_folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        land(self.settings, run_id="landing")

    def build(self, month: dt.date = MARCH, *, run_id: str = "again") -> BuildReport:
        """Build once more."""
        return build(self.settings, run_id=run_id, month=month)


def new_lender(folder: Path) -> Lender:
    """Deliver the first files to a new home and build."""
    settings = Settings(home=folder, portfolio="contract")
    lender = Lender(settings, BuildReport("", 0, 0, 0, 0, (), {}), [])
    lender.deliver(FIRST_DELIVERY)
    told: list[str] = []
    report = build(settings, run_id="first", month=MARCH, tell=told.append)
    return Lender(settings, report, told)


@pytest.fixture(scope="session")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """A lender after its first build; tests only look."""
    return new_lender(tmp_path_factory.mktemp("lender"))


@pytest.fixture(scope="session")
def corrected_lender(tmp_path_factory: pytest.TempPathFactory, lender: Lender) -> Lender:
    """The lender after a second delivery and build; tests only look."""
    home = tmp_path_factory.mktemp("corrected")
    _copy_warehouse(lender.settings, home)
    settings = Settings(home=home, data=lender.settings.data_folder, portfolio="contract")
    later = Lender(settings, lender.report, lender.told)
    later.deliver(SECOND_DELIVERY)
    report = later.build()
    return Lender(settings, report, [])


def _copy_warehouse(settings: Settings, home: Path) -> None:
    for name in ("warehouse", "secrets"):
        (home / name).mkdir(exist_ok=True)
        for file in (settings.places.root / name).iterdir():
            (home / name / file.name).write_bytes(file.read_bytes())
