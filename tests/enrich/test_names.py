import multiprocessing
import re
import time
from collections import defaultdict
from pathlib import Path

import pytest
from names_kit import names_cache, register

from enrich.entities import compile as compiling
from enrich.entities import packs
from enrich.entities.names import Names, language_grammar
from enrich.entities.packs import Alias, Known
from enrich.entities.register import aliases, packs_folder
from enrich.entities.table import Table, TableError
from enrich.tokens import fold


@pytest.fixture(scope="module")
def everything():
    return list(aliases(packs_folder()))


def test_no_two_ids_share_a_name_a_country_and_a_kind(everything):
    """One register: a thing that two sources name is one thing. Towns may share a name: there are two Suzhous."""
    owners = defaultdict(set)
    for alias in everything:
        known = alias.known
        if alias.text == known.name and not known.id.startswith("gn-") and alias.strength != packs.DEMONYM:
            owners[fold(known.name), known.country, known.type].add(known.id)
    assert {name: found for name, found in owners.items() if len(found) > 1} == {}


def test_no_town_bears_the_name_of_the_country_that_it_is_or_the_region_that_it_is(everything):
    ids = {(alias.known.name, alias.known.id) for alias in everything if alias.strength != packs.DEMONYM}
    for city, ident in [
        ("Singapore", "Q334"),
        ("Kyiv", "Q1899"),
        ("Berlin", "Q64"),
        ("Moscow", "Q649"),
        ("Dubai", "Q613"),
    ]:
        assert (city, ident) in ids
    large = defaultdict(set)
    for alias in everything:
        if alias.strength >= packs.WEAK and alias.known.type == "place":
            large[alias.text].add(alias.known.id)
    assert large["Kyiv"] == {"Q1899"}
    assert large["Москва"] == {"Q649"}
    assert large["Jakarta"] == {"gn-1642911"}


def test_one_id_has_one_name(everything):
    names = defaultdict(set)
    for alias in everything:
        names[alias.known.id].add(alias.known.name)
    assert {ident: found for ident, found in names.items() if len(found) > 1} == {}


def test_every_id_is_of_the_agreed_alphabet(everything):
    wrong = {
        alias.known.id for alias in everything if not re.fullmatch(r"Q[0-9]+|gn-[0-9]+|x-[a-z0-9-]+", alias.known.id)
    }
    assert wrong == set()


def test_the_packs_hold_at_least_150_people_and_organisations(everything):
    ids = {alias.known.id for alias in everything if alias.known.type in ("person", "organisation")}
    assert len(ids) >= 150


def test_a_warm_register_loads_at_once():
    register()
    began = time.perf_counter()
    Names.load(names_cache())
    assert time.perf_counter() - began < 0.3


@pytest.fixture
def small_register(monkeypatch):
    """A register of one name, so that building it takes no time."""
    minsk = Known(id="gn-625144", name="Minsk", type="place", country="Q184")
    monkeypatch.setattr(
        compiling.register, "aliases", lambda folder: iter([Alias(text="Minsk", known=minsk, strength=62)])
    )


def knows_minsk(names):
    english = language_grammar("en")
    nodes = names.starts("Minsk", "minsk", english)
    return [reading.known.id for node in nodes for reading in names.readings(node)] == ["gn-625144"]


@pytest.mark.usefixtures("small_register")
def test_a_missing_register_is_built_into_a_folder_that_is_made(tmp_path):
    assert knows_minsk(Names.load(tmp_path / "new" / "cache"))
    [file] = (tmp_path / "new" / "cache").iterdir()
    assert re.fullmatch(r"names-[0-9a-f]{8}\.table", file.name)


@pytest.mark.usefixtures("small_register")
@pytest.mark.parametrize("damage", [b"", b"tocsin", b"x" * 4096, b"tocsin-names-2\n{}\n", None])
def test_a_damaged_register_is_built_again(tmp_path, damage):
    Names.load(tmp_path)
    [file] = tmp_path.iterdir()
    whole = file.read_bytes()
    file.unlink()  # the first one is still mapped
    file.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert knows_minsk(Names.load(tmp_path))
    assert file.read_bytes() == whole


@pytest.mark.usefixtures("small_register")
def test_other_packs_make_another_file_and_the_old_one_is_left(tmp_path, monkeypatch):
    first = Names.load(tmp_path)
    monkeypatch.setattr(compiling.register, "versions", lambda: "babel=0")
    second = Names.load(tmp_path)
    assert first.version != second.version
    assert len(list(tmp_path.iterdir())) == 2


def test_a_table_that_is_cut_off_is_refused(tmp_path, small_register):
    Names.load(tmp_path)
    [file] = tmp_path.iterdir()
    short = tmp_path / "short"
    short.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(TableError, match="cut off"):
        Table.open(short)


def private_kilobytes(cache, answer):
    def resident():
        with Path("/proc/self/smaps_rollup").open(encoding="ascii") as lines:
            return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty:", "Private_Clean:")))

    before = resident()
    names = Names.load(cache)
    names.starts("Minsk", "minsk", language_grammar("en"))
    answer.put(resident() - before)


def test_a_process_that_maps_the_register_grows_by_less_than_40_megabytes():
    register()
    spawn = multiprocessing.get_context("spawn")
    answer = spawn.SimpleQueue()
    child = spawn.Process(target=private_kilobytes, args=(names_cache(), answer))
    child.start()
    grown = answer.get()
    child.join()
    assert grown < 40_000
