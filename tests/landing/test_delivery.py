"""Late, repeated, corrected, withdrawn and replaced deliveries."""

import os

from comove.landing.delivery import batch_id

GOOD = "l1,b1,1,2024-01-31"


def statuses(lender):
    return lender.query(
        "select file, status, rule from audit.delivery order by landed_at, file, rule"
    )


def test_an_unchanged_file_is_not_read_again(lender, monkeypatch):
    lender.loans(GOOD)
    lender.land()
    monkeypatch.setattr("comove.landing.entity.sha256_of", None)
    report = lender.land()
    assert report.entities["loans"].files_skipped == 1
    assert lender.landed() == [("l1", 1)]


def test_a_file_with_a_new_time_and_the_old_content_is_not_landed_again(lender):
    path = lender.loans(GOOD)
    lender.land()
    os.utime(path, (1, 1))
    assert lender.land().entities["loans"].files_skipped == 1
    assert lender.query("select epoch(modified_at) from audit.delivery") == [(1.0,)]


def test_a_corrected_file_lands_as_a_new_batch_and_the_old_rows_stay(lender):
    lender.loans(GOOD)
    lender.land()
    lender.loans("l1,b1,2,2024-01-31")
    lender.land()
    (older, newer) = lender.query(
        "select principal, _batch, _landed_at from raw.contract__loans__text "
        "order by _landed_at"
    )
    assert (older[0], newer[0]) == ("1", "2")
    assert older[1] != newer[1]
    assert older[2] < newer[2]


def test_a_file_set_back_to_its_first_version_is_the_last_delivery(lender):
    for principal in ("1", "2", "1"):
        lender.loans(f"l1,b1,{principal},2024-01-31")
        lender.land()
    rows = lender.query(
        "select principal, _batch from raw.contract__loans__text order by _landed_at"
    )
    assert [principal for principal, _ in rows] == ["1", "2", "1"]
    assert len({batch for _, batch in rows}) == 3


def test_a_late_file_lands_beside_the_others(lender):
    lender.loans(GOOD)
    lender.land()
    lender.loans("l2,b1,1,2024-01-31", name="loans/late.csv")
    report = lender.land()
    entity = report.entities["loans"]
    assert (entity.files_new, entity.files_skipped, entity.rows_landed) == (1, 1, 1)


def test_all_new_files_of_an_entity_are_one_batch(lender):
    lender.loans(GOOD)
    lender.loans("l2,b1,1,2024-01-31", name="loans/b.csv")
    lender.land()
    assert lender.query(
        "select count(distinct _batch) from raw.contract__loans__text"
    ) == [(1,)]


def test_a_removed_file_is_withdrawn_and_its_rows_stay(lender):
    lender.loans(GOOD)
    gone = lender.loans("l2,b1,1,2024-01-31", name="loans/b.csv")
    lender.land()
    gone.unlink()
    lender.land()
    assert statuses(lender) == [
        ("loans/a.csv", "landed", None),
        ("loans/b.csv", "withdrawn", None),
    ]
    assert len(lender.landed()) == 2


def test_a_removed_file_that_comes_back_is_landed_and_not_read_again(lender):
    lender.loans(GOOD)
    gone = lender.loans("l2,b1,1,2024-01-31", name="loans/b.csv")
    lender.land()
    content = gone.read_bytes()
    gone.unlink()
    lender.land()
    gone.write_bytes(content)
    lender.land()
    assert {status for _, status, _ in statuses(lender)} == {"landed"}
    assert len(lender.landed()) == 2


def test_a_refused_file_stays_refused_once_however_often_it_is_read(lender):
    lender.loans("l1", header="loan_id")
    lender.land()
    report = lender.land()
    assert report.entities["loans"].files_refused == 1
    assert statuses(lender) == [("loans/a.csv", "refused", "missing_column")]
    assert len(lender.unreadable()) == 1


def test_a_refusal_no_longer_counts_once_a_good_file_replaces_it(lender):
    lender.loans("l1", header="loan_id")
    lender.land()
    lender.loans(GOOD)
    lender.land()
    assert statuses(lender) == [
        ("loans/a.csv", "withdrawn", "missing_column"),
        ("loans/a.csv", "landed", None),
    ]
    assert lender.unreadable() == []


def test_a_refusal_no_longer_counts_once_the_file_is_removed(lender):
    lender.loans(GOOD, name="loans/good.csv")
    lender.loans("l1", header="loan_id")
    lender.land()
    lender.path("loans/a.csv").unlink()
    lender.land()
    assert {status for file, status, _ in statuses(lender) if file == "loans/a.csv"} == {
        "withdrawn"
    }


def test_a_landed_file_replaced_by_a_broken_one_keeps_its_rows(lender):
    lender.loans(GOOD)
    lender.land()
    lender.write("loans/a.csv", "<html>")
    lender.land()
    assert statuses(lender) == [
        ("loans/a.csv", "landed", None),
        ("loans/a.csv", "refused", "not_csv"),
    ]
    assert lender.landed() == [("l1", 1)]


def test_a_batch_is_named_for_its_files_in_any_order():
    one, other = ("a.csv", "11", 0), ("b.csv", "22", 0)
    assert batch_id("loans", [one, other]) == batch_id("loans", [other, one])
    assert batch_id("loans", [one]) != batch_id("repayments", [one])
    assert len(batch_id("loans", [one])) == 17
