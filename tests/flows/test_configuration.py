from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from flows.configuration import SettingsError, read, secrets_of, shown


@dataclass(frozen=True, kw_only=True)
class Channel:
    name: str
    secret: str = ""


@dataclass(frozen=True, kw_only=True)
class Desk:
    host: str = "127.0.0.1"
    port: int = 8740
    theme: Literal["light", "dark"] = "light"


@dataclass(frozen=True, kw_only=True)
class Settings:
    desk: Desk = field(default_factory=Desk)
    channels: tuple[Channel, ...] = ()
    hosts: tuple[str, ...] = ()
    loopback: bool = False
    folder: Path | None = None


def settings_file(folder: Path, text: str) -> Path:
    path = folder / "tocsin.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_goes_over_defaults_and_the_environment_over_the_file(tmp_path):
    path = settings_file(tmp_path, '[desk]\nport = 9000\nhost = "localhost"\n')
    said = read(Settings, path, {"TOCSIN__DESK__PORT": "9001", "TOCSIN__LOOPBACK": "true", "TOCSIN__HOSTS": "a, b"})
    assert said == Settings(desk=Desk(host="localhost", port=9001), loopback=True, hosts=("a", "b"))


def test_no_file_means_the_defaults(tmp_path):
    assert read(Settings, tmp_path / "none.toml", {}) == Settings()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[desk]\nprot = 1\n", "unknown setting desk.prot; did you mean port?"),
        ("[dask]\nport = 1\n", "unknown setting dask; did you mean desk?"),
        ("[desk]\nport = 'many'\n", "desk.port is 'many'; write a whole number"),
        ("loopback = 3\n", "loopback is 3; write true or false"),
        ("desk = 3\n", "desk is a section: write [desk]"),
        ("hosts = 3\n", "hosts is a list: write [...]"),
        ("[desk]\ntheme = 'pink'\n", "desk.theme is 'pink'; write one of 'light', 'dark'"),
        ("[[channels]]\nsecret = 'x'\n", "channels[0]: "),
        ("desk = [", "not TOML"),
    ],
)
def test_a_wrong_setting_says_what_where_and_what_to_write(tmp_path, text, says):
    path = settings_file(tmp_path, text)
    with pytest.raises(SettingsError) as error:
        read(Settings, path, {})
    assert says in str(error.value)
    assert str(path) in str(error.value)


def test_a_secret_is_read_from_a_file_and_never_shown(tmp_path):
    (tmp_path / "secret").write_text("s3cret\n", encoding="utf-8")
    path = settings_file(tmp_path, f'[[channels]]\nname = "mail"\nsecret_file = "{tmp_path / "secret"}"\n')
    said = read(Settings, path, {})
    assert said.channels == (Channel(name="mail", secret="s3cret"),)
    assert shown(said)["channels"] == [{"name": "mail", "secret": "***"}]
    assert "s3cret" not in str(shown(said))


def test_a_secret_file_that_is_missing_is_named(tmp_path):
    path = settings_file(tmp_path, '[[channels]]\nname = "mail"\nsecret_file = "/nowhere/secret"\n')
    with pytest.raises(SettingsError, match=r"channels\[0\].secret_file: cannot read a secret from /nowhere/secret"):
        read(Settings, path, {})


def test_every_secret_of_the_settings_is_known():
    @dataclass(frozen=True, kw_only=True)
    class Service:
        kind: str = ""
        url: str = ""
        api_key: str = ""

    @dataclass(frozen=True, kw_only=True)
    class Many:
        channels: tuple[Channel, ...]
        services: tuple[Service, ...]

    found = secrets_of(
        Many(
            channels=(Channel(name="mail", secret="one"), Channel(name="none")),
            services=(
                Service(url="postgresql://tocsin:t%20wo@db.example/tocsin", api_key="three"),
                Service(kind="apprise", url="tgram://four/5"),
                Service(kind="webhook", url="https://hooks.example/six"),
            ),
        )
    )
    assert found == {"one", "t%20wo", "t wo", "three", "tgram://four/5"}
