"""`tocsin people` and `tocsin audit` on a real folder, owned or not, and a desk page with TLS at a public address."""

import json
import re
import shutil
import ssl
import subprocess

import httpx
import pytest
from desk_kit import PASSWORD
from people_kit import sign_in, visiting
from route_kit import finished, objects, running, tocsin


@pytest.fixture
def secret(tmp_path):
    """A file with a password in it."""
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\nanother line\n")
    return str(file)


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def add(home, secret, name="ana", role="operator", *more):
    return finished("people", "add", name, "--role", role, "--password-file", secret, *more, home=home)


def wrong(done):
    assert done.returncode in (1, 2), done  # 1 where the owner of the folder said it
    (line,) = done.stderr.splitlines()
    return line


def test_people_are_added_changed_and_listed_in_a_folder_that_nobody_owns(home, secret):
    said = add(home, secret, "ana", "operator", "--display", "Ana Petrova").stderr
    assert "everybody signs in at the desk page now" in said
    add(home, secret, "ben", "editor", "--desk", "Sanctions", "--desk", "Baltic", "--by", "ana")
    tocsin("people", "add", "eva", "--role", "reader", "--no-password", home=home)
    tocsin("people", "role", "ben", "reader", "--all-desks", home=home)
    tocsin("people", "disable", "eva", "--by", "ana", home=home)
    rows = {row["name"]: row for row in objects(tocsin("people", "list", "--json", home=home))}
    assert rows["ana"] | {"added": ""} == {
        "schema": "tocsin.person/1", "name": "ana", "display": "Ana Petrova", "role": "operator", "desks": [],
        "has_password": True, "disabled": None, "added": "",
    }  # fmt: skip
    assert (rows["ben"]["role"], rows["ben"]["desks"]) == ("reader", [])
    assert not rows["eva"]["has_password"]
    assert rows["eva"]["disabled"].endswith("Z")
    table = tocsin("people", "list", home=home)
    assert "Ana Petrova" in table
    assert "$argon2" not in table + json.dumps(rows)
    done = objects(tocsin("audit", "--json", home=home))
    assert [(row["who"], row["what"], row["subject"]) for row in done] == [
        ("ana", "person disabled", "eva"),
        ("command", "role changed", "ben"),
        ("command", "person added", "eva"),
        ("ana", "person added", "ben"),
        ("command", "person added", "ana"),
    ]
    assert len(objects(tocsin("audit", "--who", "ana", "--about", "ben", "--json", home=home))) == 1


def test_what_cannot_be_is_said_in_one_line_with_what_to_do(home, secret, tmp_path):
    short = tmp_path / "short"
    short.write_text("short\n")
    assert "12 to 1000 characters" in wrong(add(home, str(short)))
    assert "there are reader, editor, operator" in wrong(add(home, secret, role="king"))
    add(home, secret)
    assert "there is a person 'ana' already" in wrong(add(home, secret, "ANA"))
    assert "nobody would be left" in wrong(finished("people", "disable", "ana", home=home))
    assert "tocsin people list" in wrong(finished("people", "password", "zoe", "--password-file", secret, home=home))
    asked = finished("people", "add", "ben", "--role", "reader", home=home, given="")
    assert "--password-file FILE" in asked.stderr


def test_a_token_is_shown_once_and_revoked(home, secret):
    add(home, secret)
    token = tocsin("people", "token", "add", "ana", "nightly", "--role", "editor", "--days", "30", home=home).strip()
    assert re.fullmatch(r"tocsin_[\w-]{43}", token)
    (row,) = objects(tocsin("people", "token", "list", "--json", home=home))
    assert (row["name"], row["role"], row["used"]) == ("nightly", "editor", None)
    assert token not in json.dumps(row) + tocsin("people", "token", "list", home=home)
    tocsin("people", "token", "revoke", "ana", "nightly", home=home)
    assert objects(tocsin("people", "token", "list", "--json", home=home)) == []


def test_the_owner_of_the_folder_is_asked_and_lets_people_in_at_once(home, secret):
    with running("run", "--port", "0", home=home) as (_, said):
        url = re.search(r"http://\S+", said[-1])[0]
        assert httpx.get(url).status_code == 200
        assert add(home, secret).returncode == 0
        assert httpx.get(url).status_code == 401
        token = tocsin("people", "token", "add", "ana", "test", "--role", "operator", home=home).strip()
        assert httpx.get(url + "/audit", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        with visiting(url) as ana:
            assert sign_in(ana, "ana").status_code == 204
            (session,) = objects(tocsin("people", "sessions", "ana", "--json", home=home))
            assert session["address"] == "127.0.0.1"
            tocsin("people", "sign-out", "ana", home=home)
            assert ana.get("/me").status_code == 401
        assert "nobody would be left" in wrong(finished("people", "disable", "ana", home=home))
        tocsin("channels", "hold", home=home)  # commands of this machine go on without a person


def test_a_public_address_is_refused_without_people_and_without_tls(home, secret):
    public = {"TOCSIN__DESK__HOST": "0.0.0.0"}
    done = finished("run", "--port", "0", home=home, **public)
    assert done.returncode == 1
    assert "tocsin people add NAME --role operator" in done.stderr
    add(home, secret)
    done = finished("run", "--port", "0", home=home, **public)
    assert done.returncode == 1
    assert "desk.certificate_file and desk.key_file" in done.stderr
    nothing = {"TOCSIN__DESK__CERTIFICATE_FILE": secret, "TOCSIN__DESK__KEY_FILE": secret}
    done = finished("run", "--port", "0", home=home, **public, **nothing)
    assert done.returncode == 1
    assert "cannot use the certificate" in done.stderr


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here to make a certificate with")
def test_a_page_with_a_certificate_speaks_tls_and_commands_still_reach_it(home, secret, tmp_path):
    certificate, key = str(tmp_path / "c.pem"), str(tmp_path / "k.pem")
    make = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run(["openssl", *make.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    add(home, secret)
    settings = {"HOST": "0.0.0.0", "CERTIFICATE_FILE": certificate, "KEY_FILE": key, "HOSTS": "desk.example"}
    environment = {f"TOCSIN__DESK__{name}": value for name, value in settings.items()}
    with running("run", "--port", "0", home=home, **environment) as (_, said):
        port = re.search(r"https://0\.0\.0\.0:(\d+)", said[-1])[1]
        with httpx.Client(
            base_url=f"https://localhost:{port}", verify=ssl.create_default_context(cafile=certificate)
        ) as ana:
            page = ana.get("/sign-in")
            token = re.search(r'data-form-token="([^"]+)"', page.text)[1]
            acting = {"X-Form-Token": token, "Origin": f"https://localhost:{port}"}
            answer = ana.post("/sign-in", data={"name": "ana", "password": PASSWORD}, headers=acting)
            assert "__Host-tocsin_session=" in answer.headers["set-cookie"]
            assert ana.get("/people").status_code == 200
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/healthz")
        tocsin("people", "sign-out", "ana", home=home, **environment)
        assert objects(tocsin("audit", "--limit", "1", "--json", home=home))[0]["what"] == "sessions ended"
