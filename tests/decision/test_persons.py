"""Keys of one person are known by each other, from when that is known."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from comove.decision.persons import same_persons

MAY, JUNE, JULY = (dt.date(2024, month, 1) for month in (5, 6, 7))
links = st.lists(
    st.tuples(
        st.sampled_from("abcdef"), st.sampled_from("abcdef"), st.sampled_from([MAY, JUNE])
    ).filter(lambda link: link[0] != link[1])
)


def test_a_link_holds_both_ways() -> None:
    assert same_persons([("n", "o", JUNE)]) == [("n", "o", JUNE), ("o", "n", JUNE)]


def test_who_is_linked_to_one_is_linked_to_all_from_the_later_link_on() -> None:
    found = same_persons([("b", "a", MAY), ("c", "b", JULY)])
    assert ("a", "b", MAY) in found
    assert ("a", "c", JULY) in found
    assert ("c", "a", JULY) in found


def test_a_pair_that_was_told_apart_is_never_one() -> None:
    triangle = [("b", "a", MAY), ("c", "b", JUNE), ("c", "a", JULY)]
    found = same_persons(triangle, apart=[("a", "c")])
    assert {(one, other) for one, other, _ in found} == {
        ("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")
    }  # fmt: skip


@given(links)
def test_everybody_who_can_be_reached_is_known_from_the_first_day_they_can(
    given_links: list[tuple[str, str, dt.date]],
) -> None:
    found = {(one, other): day for one, other, day in same_persons(given_links)}
    for day in (MAY, JUNE):
        reached = {(a, b) for a, b, since in given_links if since <= day}
        reached |= {(b, a) for a, b in reached}
        for _ in range(6):
            reached |= {(a, d) for a, b in reached for c, d in reached if b == c}
        by_day = {pair for pair, since in found.items() if since <= day}
        assert by_day == {(a, b) for a, b in reached if a != b}
