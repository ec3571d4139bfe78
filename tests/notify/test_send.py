"""Who is told what, how often, and what never shows."""

import logging
import stat
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import SecretStr
from tests.notify.receiver import Receiver

from comove.notify import KINDS, Delivery, Entry, Kind, Memory, Message, send
from comove.notify.addresses import Address, addresses
from comove.settings import Settings

Told = Callable[[str], Settings]


@pytest.fixture
def telling(settings: Settings) -> Told:
    """The settings with some addresses."""
    return lambda urls: settings.model_copy(update={"notify_urls": SecretStr(urls)})


def message(*entries: Entry, kind: Kind = "drift", group: str = "drift") -> Message:
    said = entries or (Entry("a flag", "KS fell."),)
    return Message(frozenset({kind}), "comove: a title", said, group, "http://ui/page")


def test_nobody_is_told_by_default(settings: Settings) -> None:
    assert send(settings, message()) == Delivery(told=0, repeated=0, failed=())
    assert not settings.places.notified.exists()


def test_title_lines_and_link_arrive(telling: Told, receiver: Receiver) -> None:
    said = message(Entry("one", "First."), Entry("two", "Second."))
    assert send(telling(receiver.address()), said) == Delivery(
        told=1, repeated=0, failed=()
    )
    assert receiver.titles == ["comove: a title"]
    assert receiver.bodies == ["First.\nSecond.\n\nhttp://ui/page"]


def test_of_many_lines_the_first_ten_are_told_and_the_rest_counted(
    telling: Told, receiver: Receiver
) -> None:
    entries = [Entry(f"{n}", f"Line {n}.") for n in range(1234)]
    send(telling(receiver.address()), message(*entries))
    (body,) = receiver.bodies
    assert "Line 9." in body
    assert "Line 10." not in body
    assert "and 1,224 more." in body


def test_the_same_is_told_once_and_again_when_its_figures_change(
    telling: Told, receiver: Receiver
) -> None:
    settings = telling(receiver.address())
    for line in ("3 flags.", "3 flags.", "4 flags.", "3 flags."):
        send(settings, message(Entry("flags", line)))
    assert [body.split("\n")[0] for body in receiver.bodies] == [
        "3 flags.",
        "4 flags.",
        "3 flags.",
    ]


def test_figures_that_are_not_shown_are_figures_too(
    telling: Told, receiver: Receiver
) -> None:
    settings = telling(receiver.address())
    for detail in ("12 rows", "12 rows", "13 rows"):
        send(settings, message(Entry("a check", "It failed.", detail=detail)))
    assert receiver.bodies == ["It failed.\n\nhttp://ui/page"] * 2


def test_of_a_longer_list_only_what_is_new_is_told(
    telling: Told, receiver: Receiver
) -> None:
    settings = telling(receiver.address())
    old = Entry("may", "May is flagged.", is_told_once=True)
    moved = Entry("may", "May is flagged, at another KS.", is_told_once=True)
    send(settings, message(old))
    done = send(settings, message(moved, Entry("june", "June is flagged.")))
    assert done == Delivery(told=1, repeated=0, failed=())
    assert receiver.bodies[1] == "June is flagged.\n\nhttp://ui/page"


def test_what_was_forgotten_is_news(telling: Told, receiver: Receiver) -> None:
    settings = telling(receiver.address())
    for group in ("failure-a-2024-03", "failure-a-2024-04"):
        send(settings, message(group=group))
    Memory(settings.places).forget("failure-a-2024-03")
    assert send(settings, message(group="failure-a-2024-03")).told == 1
    assert send(settings, message(group="failure-a-2024-04")).repeated == 1


def test_an_address_that_did_not_answer_is_tried_again_and_the_others_are_not(
    telling: Told, receiver: Receiver
) -> None:
    settings = telling(f"{receiver.address('a')} json://127.0.0.1:1/b")
    assert send(settings, message()) == Delivery(told=1, repeated=0, failed=(2,))
    assert send(settings, message()) == Delivery(told=0, repeated=1, failed=(2,))
    assert len(receiver.posts) == 1


def test_an_address_that_answers_with_an_error_has_not_been_told(
    telling: Told, receiver: Receiver
) -> None:
    settings = telling(receiver.address())
    receiver.status = 500
    assert send(settings, message()).failed == (1,)
    receiver.status = 200
    assert send(settings, message()).told == 1


@pytest.mark.parametrize("kind", KINDS)
def test_each_address_is_told_the_kinds_it_names(
    telling: Told, receiver: Receiver, kind: Kind
) -> None:
    urls = [
        receiver.address("any"),
        f"gate,failure={receiver.address('stopped')}",
        f"all={receiver.address('all')}",
    ]
    send(telling(" ".join(urls)), message(kind=kind))
    told = {post["path"] for post in receiver.posts}
    expected = {"/all"}
    expected |= {"/any"} if kind != "warning" else set()
    expected |= {"/stopped"} if kind in {"gate", "failure", "test"} else set()
    assert told == expected


def test_a_message_of_two_kinds_comes_once(telling: Told, receiver: Receiver) -> None:
    both = Message(frozenset({"gate", "failure"}), "t", (Entry("a", "b"),), "g")
    send(telling(f"gate,failure={receiver.address()}"), both)
    assert len(receiver.posts) == 1


def test_an_equals_sign_in_an_address_is_its_own(telling: Told) -> None:
    (found,) = addresses(telling("mailto://me:a=b@host?to=you@host"))
    assert found.url == "mailto://me:a=b@host?to=you@host"
    assert "drift" in found.kinds


@pytest.mark.parametrize(
    "urls",
    [
        "no-such-service://hunter2@nowhere",
        "json://user:hunter2@127.0.0.1:1/hunter2",
        "slack://hunter2",
        "hunter2",
        "hunters,gate=json://127.0.0.1:1/hunter2",
    ],
)
def test_an_address_that_fails_is_a_warning_and_its_password_is_shown_nowhere(
    telling: Told,
    urls: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = telling(urls)
    assert send(settings, message()) == Delivery(told=0, repeated=0, failed=(1,))
    warnings = [r.getMessage() for r in caplog.records if r.name.startswith("comove")]
    assert [text.split(" of ")[0] for text in warnings] == ["address 1"]
    shown = capfd.readouterr()
    assert "hunter2" not in caplog.text + shown.out + shown.err
    assert "hunter2" not in repr(settings) + repr(addresses(settings))


def test_libraries_may_log_again_afterwards(
    telling: Told, caplog: pytest.LogCaptureFixture
) -> None:
    send(telling("json://127.0.0.1:1/"), message())
    logging.getLogger("urllib3").warning("heard")
    assert "heard" in caplog.text


def test_what_was_told_holds_neither_address_nor_figures(
    telling: Told, receiver: Receiver
) -> None:
    settings = telling(receiver.address("hunter2"))
    send(settings, message(Entry("a flag", "KS fell.", detail="B17")))
    (file,) = (path for path in settings.places.notified.rglob("*") if path.is_file())
    kept = f"{file.name} {file.read_text()}"
    assert not any(text in kept for text in ("hunter2", "flag", "KS", "B17"))
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_where_nothing_can_be_kept_it_is_told_again_with_a_warning(
    telling: Told, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    settings = telling(receiver.address())
    settings.places.root.mkdir(parents=True)
    settings.places.notified.write_text("a file where the folder should be")
    for _ in range(2):
        assert send(settings, message()) == Delivery(told=1, repeated=0, failed=())
    assert "what was told cannot be kept" in caplog.text


def test_no_address_waits_for_another(telling: Told, receiver: Receiver) -> None:
    # Answers none before all have asked.
    receiver.meeting = threading.Barrier(5)
    urls = " ".join(receiver.address(f"{n}") for n in range(5))
    assert send(telling(urls), message()) == Delivery(told=5, repeated=0, failed=())


def test_settings_of_notifications_change_no_fingerprint(settings: Settings) -> None:
    other = settings.model_copy(
        update={"notify_urls": SecretStr("json://x"), "notify_index_share_above": 0.9}
    )
    assert other.fingerprint() == settings.fingerprint()


words = st.text(st.characters(codec="utf-8"), max_size=20)


@examples(max_examples=40)
@given(first=st.tuples(words, words, words), second=st.tuples(words, words, words))
def test_only_the_same_entry_with_the_same_figures_is_a_repetition(
    tmp_path_factory: pytest.TempPathFactory,
    first: tuple[str, str, str],
    second: tuple[str, str, str],
) -> None:
    home = Settings(home=tmp_path_factory.mktemp("home")).places
    memory, whom = Memory(home), Address(1, "json://x", frozenset(KINDS))
    memory.keep("group", whom, Entry(*first))
    assert memory.is_told("group", whom, Entry(*first))
    assert memory.is_told("group", whom, Entry(*second)) == (first == second)
