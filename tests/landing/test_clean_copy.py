import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from comove.landing.clean_copy import split_records

FIELDS = st.text(st.sampled_from('ab",\n ë'), max_size=6)
ROWS = st.lists(st.lists(FIELDS, min_size=2, max_size=4), min_size=1, max_size=8)


def records(text: str) -> list[tuple[str, str]]:
    lines = io.BytesIO(text.encode())
    return [(rule, record.decode()) for rule, record in split_records(lines, b",")]


@given(ROWS)
def test_well_formed_files_are_split_as_they_were_written(rows):
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    found = records(stream.getvalue())
    assert {rule for rule, _ in found} == {""}
    assert [next(csv.reader(io.StringIO(record))) for _, record in found] == rows


@given(st.text(st.sampled_from('a",\n'), max_size=60))
def test_no_character_of_any_file_is_lost(text):
    kept = "".join(record for _, record in records(text))
    assert kept.replace("\n", "") == text.replace("\n", "")


def test_only_the_line_with_the_unclosed_quote_is_at_fault():
    assert records('a,"b\nc,d\ne,"f"\n') == [
        ("unclosed_quote", 'a,"b\n'),
        ("", "c,d\n"),
        ("", 'e,"f"\n'),
    ]


def test_a_quote_within_an_unquoted_value_is_part_of_it():
    assert records('a,5" pipe\nb,c\n') == [("", 'a,5" pipe\n'), ("", "b,c\n")]


def test_many_unclosed_quotes_take_no_more_than_linear_time():
    lines = 'a,"b\n' * 20_000
    assert len(records(lines)) == 20_000
