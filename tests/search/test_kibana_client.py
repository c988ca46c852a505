"""Objects brought to a Kibana and back, and everything that it may say instead."""

import json
import shutil
import subprocess
from dataclasses import replace

import pytest
from kibana_server import kibana_server
from test_kibana_objects import FOLDER, OBJECTS

from ingest.verdict import Abort, Reject, Retry
from search.kibana.bringing import brought, changes, newer, write
from search.kibana.client import Kibana
from search.kibana.objects import read_objects
from search.kibana.settings import KibanaSettings


@pytest.fixture
def server():
    with kibana_server() as (kibana, url):
        yield kibana, url


def client(server, **more):
    kibana, url = server
    return Kibana(KibanaSettings(url=url, **({"api_key": kibana.key} if "user" not in more else {}), **more))


def there(server, space="default"):
    return {key[1:]: one for key, one in server[0].objects.items() if key[0] == space}


def test_every_object_comes_into_kibana_and_back_as_it_stands_in_its_file(server):
    kibana = client(server)
    assert kibana.check() == "9.2.4"
    came = kibana.put(OBJECTS)
    assert (came.count, came.errors, came.moved) == (len(OBJECTS), (), ())
    board = there(server)["dashboard", "tocsin-desk"]
    assert json.loads(board["attributes"]["panelsJSON"])[0]["panelRefName"] == "panel_articles"
    found = brought(kibana.get(), OBJECTS)
    assert found.missing == ()
    assert [line for one in found.objects for line in changes(FOLDER, one)] == []


def test_a_second_apply_changes_nothing_and_takes_back_what_people_changed(server):
    kibana = client(server)
    kibana.put(OBJECTS)
    before = there(server)
    there(server)["search", "tocsin-rejected"]["attributes"] = {"title": "mine"}
    assert kibana.put(OBJECTS).count == len(OBJECTS)
    assert there(server).keys() == before.keys()
    assert there(server)["search", "tocsin-rejected"]["attributes"]["title"] == "Rejected"


def test_a_user_and_a_password_do_as_well_as_a_key(server):
    assert client(server, user="elastic", password="pass:word").check()
    with pytest.raises(Abort, match="does not accept who asks: set api_key, or user and password"):
        client(server, user="elastic", password="wrong").check()


def test_another_space_is_filled_and_its_own_ids_lead_back_to_the_same_files(server):
    client(server).put(OBJECTS)
    desk = client(server, space="desk")
    desk.check()
    came = desk.put(OBJECTS)
    assert (came.count, came.errors) == (len(OBJECTS), ())
    assert len(came.moved) == len(OBJECTS)
    assert "dashboard tocsin-desk stands there under the id" in " ".join(came.moved)
    assert desk.put(OBJECTS).count == len(OBJECTS)
    assert len(there(server, "desk")) == len(OBJECTS)
    found = brought(desk.get(), OBJECTS)
    assert [line for one in found.objects for line in changes(FOLDER, one)] == []
    assert len(found.objects) == len(OBJECTS)


def test_a_change_made_in_kibana_comes_into_the_file_with_what_it_refers_to(server, tmp_path):
    shutil.copytree(FOLDER, tmp_path / "kibana")
    kibana = client(server)
    kibana.put(OBJECTS)
    board = there(server)["dashboard", "tocsin-desk"]
    panels = json.loads(board["attributes"]["panelsJSON"])
    panels.append({**panels[0], "panelIndex": "mine", "panelRefName": "panel_mine"})
    mine = {**there(server)["lens", "tocsin-names"], "id": "5f3c-mine"}
    board["attributes"] = {**board["attributes"], "panelsJSON": json.dumps(panels)}
    board["references"] = [*board["references"], {"type": "lens", "id": "5f3c-mine", "name": "mine:panel_mine"}]
    server[0].objects["default", "lens", "5f3c-mine"] = mine
    server[0].objects["default", "lens", "not-ours"] = {**mine, "id": "not-ours"}
    del server[0].objects["default", "search", "tocsin-silent-feeds"]

    found = brought(kibana.get(), OBJECTS)
    differing = [one for one in found.objects if changes(FOLDER, one)]
    assert [one.key for one in differing] == [("dashboard", "tocsin-desk"), ("lens", "5f3c-mine")]
    assert found.missing == ("search tocsin-silent-feeds is not in Kibana; its file stays",)
    assert any('+        "panelRefName": "panel_mine"' in line for line in changes(FOLDER, differing[0]))
    for one in differing:
        write(tmp_path / "kibana", one)
    assert {one.key for one in read_objects(tmp_path / "kibana")} - {one.key for one in OBJECTS} == {
        ("lens", "5f3c-mine")
    }


def test_the_form_of_a_newer_kibana_is_told():
    board = next(one for one in OBJECTS if one.type == "dashboard")
    assert newer(board, OBJECTS) == ""
    assert "an older Kibana will not import it any more" in newer(replace(board, version="10.4.0"), OBJECTS)


def test_what_is_not_taken_is_told_for_each_object(server):
    searches = [one for one in OBJECTS if one.type == "search"]
    came = client(server).put(searches)
    assert came.count == 0
    assert len(came.errors) == len(searches)
    assert "search tocsin-alerts-today refers to index-pattern tocsin-alerts, which is not there" in came.errors


def test_every_kind_of_error_is_a_sentence(server, monkeypatch):
    errors = [
        {"type": "conflict", "destinationId": "other"},
        {"type": "ambiguous_conflict", "destinations": [{"id": "one"}, {"id": "two"}]},
        {"type": "unsupported_type"},
        {"type": "unknown", "message": "belongs to a more recent version of Kibana", "statusCode": 422},
    ]
    answers = iter(errors)
    monkeypatch.setattr(server[0], "put", lambda *_: (None, {"type": "lens", "id": "x", "error": next(answers)}))
    came = client(server).put(OBJECTS[:4])
    assert came.errors == (
        "lens x is there already under the id other",
        "lens x came into this space more than once (one, two): delete all but one in Kibana",
        "lens x: this Kibana does not know that type",
        "lens x is refused (422): belongs to a more recent version of Kibana",
    )


def test_a_space_that_is_not_there_is_told_before_anything_is_written(server):
    with pytest.raises(Abort, match="has no space 'nowhere': make it there"):
        client(server, space="nowhere").check()
    assert not any("_import" in line for line in server[0].asked)


@pytest.mark.parametrize("version", ["7.17.29", "8.9.0", "8.18.8"])
def test_a_kibana_that_is_too_old_is_told(server, version):
    server[0].version = version
    with pytest.raises(Abort, match=f"is {version}: Tocsin's objects need 8.19 or newer"):
        client(server).check()


@pytest.mark.parametrize("version", ["8.19.0", "9.0.0", "9.3.0-SNAPSHOT", "10.0.0"])
def test_a_kibana_that_is_new_enough_is_used(server, version):
    server[0].version = version
    assert client(server).check() == version


def test_who_may_not_write_is_told_what_is_missing(server):
    server[0].writable = False
    with pytest.raises(
        Abort, match=r"forbids it in space 'default' \(Unable to bulk_create .* give it the Kibana priv"
    ):
        client(server).put(OBJECTS)


def test_a_kibana_that_starts_or_is_away_is_to_be_waited_for(server):
    server[0].ready = False
    with pytest.raises(Retry, match=r"is not ready \(503: Kibana server is not ready yet\)"):
        client(server).check()
    away = Kibana(KibanaSettings(url="http://127.0.0.1:1"))
    with pytest.raises(Retry, match=r"Kibana at 127\.0\.0\.1:1 is away"):
        away.check()


def test_a_redirect_is_not_followed_for_the_key_would_go_along(server):
    server[0].base = "/kibana"
    with pytest.raises(Abort, match="sends elsewhere: write the address with its base path"):
        client(server).check()
    assert server[0].asked == ["GET /api/status"]
    url = server[1] + "/kibana/"
    assert Kibana(KibanaSettings(url=url, api_key=server[0].key)).check()


def test_what_is_no_kibana_is_told(server, monkeypatch):
    server[0].version = "open"
    with pytest.raises(Abort, match="does not say which Kibana it is"):
        client(server).check()
    monkeypatch.setattr(server[0], "ready", True)
    with pytest.raises(Abort, match=r"is no Kibana, or has a base path"):
        Kibana(KibanaSettings(url=server[1] + "/other", api_key=server[0].key)).check()


def test_an_import_that_is_refused_whole_says_why(server):
    server[0].largest = 1000
    with pytest.raises(Reject, match=r"refuses \(413\): Payload content length greater than maximum allowed: 1000"):
        client(server).put(OBJECTS)


def test_no_address_and_wrong_addresses_are_told():
    with pytest.raises(Abort, match=r"no Kibana is set: write its address as url in \[kibana\]"):
        Kibana(KibanaSettings())
    for url in ("kibana:5601", "ftp://kibana", "http://a:b@kibana:5601", "http://kibana:5601/s/desk", "http://k?x=1"):
        with pytest.raises(ValueError, match="url: "):
            KibanaSettings(url=url)
    with pytest.raises(ValueError, match="space 'A b'"):
        KibanaSettings(space="A b")
    with pytest.raises(ValueError, match="api_key stands instead"):
        KibanaSettings(api_key="k", user="u")


def test_a_certificate_of_ones_own_needs_its_ca_file(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate")
    certificate, key = tmp_path / "ca.pem", tmp_path / "key.pem"
    asked = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    asked += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(asked, check=True, capture_output=True)
    with kibana_server((certificate, key)) as (kibana, url):
        assert Kibana(KibanaSettings(url=url, api_key=kibana.key, ca_file=certificate)).check()
        with pytest.raises(Abort, match=r"is not trusted .* name its CA in \[kibana\] ca_file"):
            Kibana(KibanaSettings(url=url, api_key=kibana.key)).check()
        with pytest.raises(Abort, match=r"ca_file .* cannot be used"):
            Kibana(KibanaSettings(url=url, ca_file=tmp_path / "none.pem"))
