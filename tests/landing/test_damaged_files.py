"""Whatever is wrong with a CSV, each of its rows lands or is set aside, once."""

import random
from collections import Counter

import pytest

HEADER = "loan_id,borrower_id,principal,disbursed_on\n"
LAYOUT = ',"\n\r '


def damaged(chance: random.Random) -> str:
    rows = (damaged_row(chance, row) for row in range(chance.randint(0, 12)))
    return HEADER + "".join(rows)


def damaged_row(chance: random.Random, row: int) -> str:
    kind = chance.random()
    if kind < 0.5:
        return f"k{row},b,1,d\n"
    if kind < 0.6:
        return f'k{row},"b\nx",1,d\n'
    noise = "".join(chance.choices('ab",\n\r"  é', k=chance.randint(0, 12)))
    return f"k{row},{noise}" + chance.choice(["\n", "\r\n", ",d\n"])


@pytest.mark.parametrize("seed", [1, 6])
def test_no_row_and_no_letter_of_a_damaged_file_is_lost(lender, seed):
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    files = {f"loans/{at}.csv": damaged(chance) for at in range(100)}
    for name, text in files.items():
        lender.write(name, text.encode(chance.choice(["utf-8", "cp1252"])))
    report = lender.land()
    assert report.entities["loans"].files_refused == 0
    kept = dict(
        (name, (sorted(numbers), letters))
        for name, numbers, letters in lender.query(
            """
            select file, list(row_number), string_agg(text, '') from (
                select _file as file, _row as row_number,
                    concat(loan_id, borrower_id, principal, disbursed_on) as text
                from raw.contract__loans__text
                union all
                select file, row_number, raw from audit.unreadable_row
            ) group by file
            """
        )
    )
    landed = dict(lender.query("select file, rows_landed from audit.delivery"))
    for name, text in files.items():
        numbers, letters = kept.get(name, ([], ""))
        assert numbers == list(range(1, landed[name] + 1)), name
        assert count(letters) == count(text.removeprefix(HEADER)), name


def count(text: str) -> Counter[str]:
    return Counter(letter for letter in text if letter not in LAYOUT)
