"""People in the ledger: passwords, throttled tries, sessions, API tokens, and what stands in the audit."""

import doctest
import threading
from contextlib import nullcontext
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from desk_kit import PASSWORD, newsroom
from people_kit import Hand, cheap_passwords
from sqlalchemy import select, update

from ingest.ledger.tables.people import people, sessions, tokens, tries
from search.alerts.acts import remember_person
from search.desk import bind, roles, routes_sign_in
from search.people import passwords, person, throttle
from search.people.person import PeopleError, Visitor, may_act_for, may_change_for, secret_digest
from search.people.sessions import Browser, Lasting, note_use, session_of, sessions_of
from search.people.signing import WRONG, SignIn, WaitFirst
from search.people.store import People
from search.people.tokens import borne_by, revoke_token

pytestmark = pytest.mark.usefixtures("quick")
HERE = Browser(address="192.0.2.7", agent="Firefox")
LASTING = Lasting(idle_ms=3_600_000, most_ms=24 * 3_600_000)


@pytest.fixture
def clock():
    return Hand()


@pytest.fixture
def room(tmp_path, clock):
    with newsroom(tmp_path) as found:
        found.clock = clock
        yield found


@pytest.fixture
def quick(request):
    with nullcontext() if "real" in request.fixturenames else cheap_passwords():
        yield


@pytest.fixture
def real():
    """Argon2 as it is used."""


@pytest.fixture
def verified():
    """The (hash, password) pairs that were really verified."""
    return []


@pytest.fixture
def signing(room, clock, verified):
    def verify(kept, password):
        verified.append((kept, password))
        return passwords.verified(kept, password)

    return SignIn(ledger=room.ledger, lasting=LASTING, clock=clock, verify=verify)


def refused(signing, name="Ana", password="wrong, all of it", browser=HERE):
    with pytest.raises(PeopleError) as error:
        signing.sign_in(name, password, browser)
    return error.value


def row_of(room, table, *wanted):
    with room.ledger.read() as connection:
        return connection.execute(select(table).where(*wanted)).one()


@pytest.mark.parametrize("module", [person, throttle, bind, roles, routes_sign_in])
def test_the_examples_in_its_words_are_true(module):
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


# Passwords


def test_a_password_is_kept_as_an_argon2id_hash_alone(real, room):
    room.add_person()
    kept = row_of(room, people, people.c.name == "Ana").password
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert PASSWORD.encode() not in (room.folder / "ledger.db").read_bytes()


@pytest.mark.parametrize("password", ["eleven sign", "a" * 40, "ana petrova", "ANA PETROVA 1", "x" * 1001])
def test_a_password_that_is_short_plain_or_the_name_is_refused(room, password):
    with pytest.raises(PeopleError, match="password"):
        room.add_person("Ana Petrova", password=password)
    assert People(room.ledger).listing() == []


def test_the_same_letters_from_another_keyboard_are_the_same_password(room, signing):
    room.add_person(password="Grüße an den Hafen")
    assert signing.sign_in("Ana", "Gru\u0308ße an den Hafen", HERE)


def test_a_hash_with_parameters_of_yesterday_is_made_anew_at_sign_in(real, room, signing):
    room.add_person()
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with room.ledger.begin() as transaction:
        transaction.execute(update(people).values(password=old))
    signing.sign_in("Ana", PASSWORD, HERE)
    kept = row_of(room, people, people.c.name == "Ana").password
    assert kept != old
    assert not passwords.outdated(kept)
    assert signing.sign_in("Ana", PASSWORD, HERE)


# Signing in


def test_whatever_is_wrong_the_answer_and_the_work_are_the_same(room, signing, verified):
    room.add_person()
    room.add_person("Off")
    People(room.ledger).switch("Off", enabled=False, by="Root")
    room.add_person("Proxied", password="")
    said = [str(refused(signing, name)) for name in ("Ana", "Nobody", "Proxied", "")]
    said.append(str(refused(signing, "Off", PASSWORD)))
    assert said == [WRONG] * 5
    assert len(verified) == 5


def test_an_unknown_persons_password_is_verified_against_a_hash_of_our_own_parameters(real, monkeypatch):
    seen = []

    class Watched(PasswordHasher):
        def verify(self, kept, password):
            seen.append(kept)
            return super().verify(kept, password)

    monkeypatch.setattr(passwords, "_hasher", Watched())
    assert passwords.verified("", "anything at all") is False
    assert seen[0].startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_tries_are_paused_longer_and_longer_and_never_for_ever(room, signing, clock, verified):
    room.add_person()
    for _ in range(5):
        assert str(refused(signing)) == WRONG
    waits = []
    while len(waits) < 12:
        wait = refused(signing, password=PASSWORD)  # even the right one is not looked at now
        assert isinstance(wait, WaitFirst)
        waits.append(wait.seconds)
        clock.forward(seconds=wait.seconds)
        assert str(refused(signing)) == WRONG
    assert waits[:5] == [1, 2, 4, 8, 16]
    assert max(waits) == 900
    clock.forward(seconds=900)
    assert signing.sign_in("Ana", PASSWORD, HERE)
    assert str(refused(signing)) == WRONG  # anew
    assert len(verified) == 5 + 12 + 1 + 1


def test_someone_who_guesses_elsewhere_keeps_nobody_out_for_long(room, signing, clock):
    room.add_person()
    for number in range(40):
        try:
            signing.sign_in("Ana", "wrong, all of it", Browser(address=f"198.51.100.{number}", agent=""))
        except WaitFirst as wait:
            clock.forward(seconds=wait.seconds)
            refused(signing, browser=Browser(address=f"198.51.100.{number}", agent=""))
        except PeopleError:
            continue
    assert refused(signing, "Ana", PASSWORD).seconds <= 60
    clock.forward(seconds=60)
    assert signing.sign_in("Ana", PASSWORD, HERE)


def test_one_address_that_tries_many_names_is_paused_too(room, signing):
    room.add_person()
    for number in range(30):
        assert str(refused(signing, f"guess {number}")) == WRONG
    assert isinstance(refused(signing, "Ana", PASSWORD), WaitFirst)
    assert signing.sign_in("Ana", PASSWORD, Browser(address="192.0.2.8", agent=""))


def test_many_tries_at_once_are_no_way_around_the_pause(room, signing, verified):
    room.add_person()
    done = threading.Barrier(8)

    def guess():
        done.wait()
        refused(signing)

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(verified) == 5


def test_tries_stand_in_the_ledger_and_go_a_day_after_the_last(room, signing, clock):
    room.add_person()
    refused(signing)
    with room.ledger.read() as connection:
        assert len(connection.execute(select(tries)).all()) == 3
    clock.forward(days=2)
    refused(signing, "Ben")
    with room.ledger.read() as connection:
        assert {row.at for row in connection.execute(select(tries))} == {clock.ms}


def test_the_audit_tells_who_signed_in_and_failed_and_keeps_no_word_that_may_be_a_password(room, signing):
    room.add_person()
    refused(signing, name=PASSWORD, password="Ana")  # typed into the wrong box
    refused(signing)
    signing.sign_in("Ana", PASSWORD, HERE)
    lines = room.audit()[-3:]
    assert lines == [
        ("unknown", "sign-in failed", "192.0.2.7", ""),
        ("Ana", "sign-in failed", "192.0.2.7", ""),
        ("Ana", "signed in", "192.0.2.7", "Firefox"),
    ]


# Sessions


def session(signing, room, name="Ana"):
    return secret_digest(signing.sign_in(name, PASSWORD, HERE))


def test_a_session_ends_when_it_is_not_used_and_in_any_case_after_its_longest_time(room, signing, clock):
    room.add_person()
    found = session(signing, room)
    for _ in range(3):
        clock.forward(minutes=50)
        assert session_of(room.ledger, found, LASTING, clock.ms).name == "Ana"
        note_use(room.ledger, found, clock.ms)
    clock.forward(minutes=61)
    assert session_of(room.ledger, found, LASTING, clock.ms) is None
    again = session(signing, room)
    for _ in range(30):
        clock.forward(minutes=50)
        note_use(room.ledger, again, clock.ms)
    assert session_of(room.ledger, again, LASTING, clock.ms) is None


def test_only_the_digest_of_a_sessions_token_is_kept(room, signing):
    room.add_person()
    token = signing.sign_in("Ana", PASSWORD, HERE)
    assert row_of(room, sessions).id == secret_digest(token) != token


@pytest.mark.parametrize("way", ["password", "disabled", "signed out"])
def test_every_session_of_someone_ends_at_once(room, signing, clock, way):
    room.add_person()
    room.add_person("Ben")
    first, second, other = (session(signing, room, name) for name in ("Ana", "Ana", "Ben"))
    found = People(room.ledger, clock=clock)
    if way == "password":
        found.set_password("Ana", "another row of words", by="Ana")
    elif way == "disabled":
        found.switch("Ana", enabled=False, by="Ben")
    else:
        assert found.sign_out("Ana", by="Ben") == 2
    assert [session_of(room.ledger, one, LASTING, clock.ms) for one in (first, second)] == [None, None]
    assert session_of(room.ledger, other, LASTING, clock.ms).name == "Ben"
    assert sessions_of(room.ledger, "Ana", LASTING, clock.ms) == []


# Who there is


def test_a_name_given_at_an_open_page_becomes_a_person_and_is_none_before(room):
    remember_person(room.ledger, "Ana")
    assert not People(room.ledger).any()
    room.add_person("Ana", role="editor", desks=("Sanctions",))
    (found,) = People(room.ledger).listing()
    assert (found.role, found.desks) == ("editor", ("Sanctions",))


@pytest.mark.parametrize("name", ["Ana", "ANA", " ana ", "", "A\nB", "x" * 81])
def test_names_that_are_taken_look_the_same_or_are_none_are_refused(room, name):
    room.add_person("Ana")
    with pytest.raises(PeopleError):
        room.add_person(name)


def test_the_last_operator_stays_one(room):
    room.add_person("Ana")
    room.add_person("Ben", role="editor")
    found = People(room.ledger)
    for change in (
        lambda: found.set_role("Ana", "editor", by="Ana"),
        lambda: found.switch("Ana", enabled=False, by="Ana"),
    ):
        with pytest.raises(PeopleError, match="nobody would be left"):
            change()
    assert found.get("Ana").role == "operator"
    found.set_role("Ben", "operator", by="Ana")
    found.switch("Ana", enabled=False, by="Ben")
    assert room.audit()[-2:] == [
        ("Ana", "role changed", "Ben", "operator, all desks; before: editor, all desks"),
        ("Ben", "person disabled", "Ana", "0 sessions ended"),
    ]


def test_alerts_of_no_desk_are_everybodys_and_watches_of_none_belong_to_people_of_all_desks():
    bound = Visitor(name="Ben", role="editor", desks=("Sanctions",), way="session")
    free = Visitor(name="Eva", role="editor", way="session")
    assert [may_act_for(bound, desk) for desk in ("Sanctions", "Baltic", "")] == [True, False, True]
    assert [may_change_for(bound, desk) for desk in ("Sanctions", "Baltic", "")] == [True, False, False]
    assert all(may_change_for(free, desk) for desk in ("Sanctions", "Baltic", ""))


# API tokens


def test_a_token_may_never_do_more_than_its_person_at_this_moment(room, clock):
    room.add_person()
    room.add_person("Ben", role="editor", desks=("Sanctions", "Baltic"))
    secret = room.add_token("Ben", role="editor", desks=("Sanctions",))
    found = People(room.ledger, clock=clock)
    assert rights(room, secret, clock) == ("editor", ("Sanctions",))
    found.set_role("Ben", "reader", by="Ana")
    assert rights(room, secret, clock) == ("reader", ("Sanctions",))
    found.set_role("Ben", "operator", [], by="Ana")
    assert rights(room, secret, clock) == ("editor", ("Sanctions",))
    found.set_role("Ben", "editor", ["Baltic"], by="Ana")
    assert rights(room, secret, clock) is None  # not all desks, because none is left
    found.set_role("Ben", "editor", ["Sanctions"], by="Ana")
    found.switch("Ben", enabled=False, by="Ana")
    assert rights(room, secret, clock) is None


def rights(room, secret, clock):
    found = borne_by(room.ledger, secret, clock.ms)
    return found and (found[0].role, found[0].desks)


def test_a_token_is_kept_as_a_digest_is_over_in_time_and_can_be_revoked(room, clock):
    room.add_person()
    secret = room.add_token("Ana", until=clock() + timedelta(days=1))
    assert secret.startswith("tocsin_")
    assert row_of(room, tokens).id == secret_digest(secret)
    assert rights(room, secret, clock) == ("reader", ())
    clock.forward(days=1)
    assert rights(room, secret, clock) is None
    other = room.add_token("Ana", name="other")
    revoke_token(room.ledger, "Ana", "other", by="Ana", at=clock())
    assert rights(room, other, clock) is None
    with pytest.raises(PeopleError, match="no token"):
        revoke_token(room.ledger, "Ana", "other", by="Ana", at=clock())


@pytest.mark.parametrize(("role", "desks"), [("operator", ()), ("editor", ("Baltic",))])
def test_a_token_that_asks_for_more_than_its_person_may_is_not_made(room, role, desks):
    room.add_person("Ben", role="editor", desks=("Sanctions",))
    with pytest.raises(PeopleError, match="their token cannot be"):
        room.add_token("Ben", role=role, desks=desks)
