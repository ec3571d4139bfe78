import pytest

from comove.landing import LandingError


def test_files_lie_in_folders_of_any_depth_named_for_their_entity(lender):
    lender.loans("l1,b1,1,2024-01-31", name="loans/2024/01/a.csv")
    lender.land()
    assert lender.landed("_file") == [("loans/2024/01/a.csv",)]


def test_a_folder_named_like_a_column_adds_no_column(lender):
    lender.loans("l1,b1,1,2024-01-31", name="loans/term_months=7/a.csv")
    lender.land()
    assert lender.landed("term_months") == [(None,)]


def test_files_of_no_entity_are_warned_of_by_name(lender):
    lender.loans("l1,b1,1,2024-01-31")
    lender.write("loans.csv", "x")
    lender.write("loans/notes.txt", "x")
    lender.write("loans/b.parquet.gz", "x")
    report = lender.land()
    named = [warning.partition(":")[0] for warning in report.warnings]
    assert {"loans.csv", "loans/notes.txt", "loans/b.parquet.gz"} <= set(named)
    assert report.entities["loans"].files_new == 1


def test_read_me_and_hidden_files_are_passed_over(lender):
    lender.loans("l1,b1,1,2024-01-31")
    for name in (
        "README.md",
        "loans/readme.txt",
        "loans/.a.csv",
        "loans/_SUCCESS",
        ".x/a",
    ):
        lender.write(name, "x")
    report = lender.land()
    assert len(report.warnings) == 1  # the optional columns of the one file


def test_a_missing_folder_is_named_with_the_setting(lender):
    with pytest.raises(LandingError, match=r"landing: .*does not exist.*COMOVE_DATA"):
        lender.land()


def test_a_folder_without_files_says_what_it_looked_for(lender):
    lender.write("README.md", "x")
    with pytest.raises(LandingError, match=r"no file of any entity .*loans/\*\*"):
        lender.land()


def test_a_folder_that_may_not_be_read_stops_the_landing(lender, monkeypatch):
    lender.loans("l1,b1,1,2024-01-31")

    def guarded(folder, *, onerror, followlinks):
        onerror(PermissionError(13, "Permission denied", str(folder)))
        yield from ()

    # Permissions do not stop the root of a container, hence no chmod.
    monkeypatch.setattr("comove.landing.discovery.os.walk", guarded)
    with pytest.raises(LandingError, match=r"Permission denied.*the right to read it"):
        lender.land()


def test_a_link_that_leads_nowhere_is_refused(lender):
    lender.path("loans/a.csv").symlink_to("/nowhere/a.csv")
    lender.land()
    assert lender.delivery("status, rule") == ("refused", "unreadable_file")
