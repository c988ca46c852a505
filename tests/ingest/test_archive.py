import gzip
import random
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from pages_kit import START, Time
from warcio.archiveiterator import ArchiveIterator

from ingest.archive import Archive, ArchiveSettings, Capture, day, files
from ingest.verdict import Abort


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def archive(tmp_path, time):
    opened = Archive(tmp_path, time)
    yield opened
    opened.close()


def capture(number=0, body=b"<p>text</p>" * 50):
    return Capture(
        url=f"https://news.example/{number}",
        status=200,
        headers={"content-type": "text/html; charset=utf-8", "content-encoding": "gzip", "etag": '"a"'},
        body=body + str(number).encode(),
        fetched=START + timedelta(seconds=number, microseconds=5),
    )


def test_what_was_appended_is_read_back(archive):
    given = [capture(number) for number in range(10)]
    references = archive.append(given)
    assert [archive.record(reference) for reference in references] == given
    headers, body = archive.read(references[3])
    assert body == given[3].body
    assert headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("body", [b"", b"\x00\xff\r\n\r\nWARC/1.1\r\n", b"\x1f\x8b\x08" * 99_999, bytes(3_000_000)])
def test_any_body_is_kept_as_it_is(archive, body):
    first = archive.append([capture(1), replace(capture(), body=body)])[1]
    assert archive.record(first).body == body


def test_headers_that_no_server_should_send_do_no_harm(archive):
    odd = {"content-type": "text/html", "x\r\ny": "1", "x-näme": "2", "x-value": "ä\r\nInjected: 1"}
    (reference,) = archive.append([replace(capture(), headers=odd, status=999)])
    found = archive.record(reference)
    assert found.status == 999
    assert found.headers == {"content-type": "text/html", "x-value": "%C3%A4 Injected: 1"}


def test_other_tools_can_read_the_files(archive, tmp_path):
    archive.append([capture(number) for number in range(3)])
    (path,) = files(tmp_path)
    with path.open("rb") as file:
        kinds = [(record.rec_type, record.rec_headers.protocol) for record in ArchiveIterator(file, check_digests=True)]
    assert kinds == [("warcinfo", "WARC/1.1")] + [("response", "WARC/1.1")] * 3


def test_each_day_has_its_file(archive, tmp_path, time):
    archive.append([capture()])
    time.pass_(days=1)
    archive.append([capture()])
    assert [path.name for path in files(tmp_path)] == ["tocsin-20260301-0001.warc.gz", "tocsin-20260302-0001.warc.gz"]


def test_a_full_file_is_followed_by_another(tmp_path, time):
    archive = Archive(tmp_path, time, ArchiveSettings(file_limit_bytes=1000))
    references = [archive.append([capture(number)])[0] for number in range(8)]
    archive.close()
    assert len(files(tmp_path)) > 2
    assert [archive.record(reference).url for reference in references] == [capture(n).url for n in range(8)]


def test_a_restart_goes_on_in_the_file_of_the_day(tmp_path, time):
    for number in range(3):
        archive = Archive(tmp_path, time)
        (reference,) = archive.append([capture(number)])
        archive.close()
        assert archive.record(reference) == capture(number)
    assert len(files(tmp_path)) == 1


def test_a_torn_tail_is_cut_wherever_it_was_torn_and_a_new_file_begun(tmp_path, time):
    first = Archive(tmp_path / "made", time)
    kept = first.append([capture(1)])[0]
    whole = files(tmp_path / "made")[0].stat().st_size
    first.append([capture(2)])
    first.close()
    data = files(tmp_path / "made")[0].read_bytes()
    for size in range(whole + 1, len(data), 7):
        folder = tmp_path / str(size)
        folder.mkdir()
        torn = folder / files(tmp_path / "made")[0].name
        torn.write_bytes(data[:size])
        archive = Archive(folder, time)
        (reference,) = archive.append([capture(3)])
        archive.close()
        assert archive.record(kept) == capture(1)
        assert archive.record(reference) == capture(3)
        if size - whole >= 20:  # shorter than that it is no record yet, and not told from rubbish
            assert torn.stat().st_size == whole
        assert all(gzip.decompress(path.read_bytes()) for path in files(folder))


def test_a_big_torn_record_is_cut_too(tmp_path, time):
    archive = Archive(tmp_path, time)
    archive.append([capture(1)])
    path = files(tmp_path)[0]
    whole = path.stat().st_size
    archive.append([replace(capture(2), body=random.Random(1).randbytes(2_000_000))])
    archive.close()
    with path.open("r+b") as file:
        file.truncate(whole + 1_500_000)
    restarted = Archive(tmp_path, time)
    restarted.append([capture(3)])
    restarted.close()
    assert path.stat().st_size == whole
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("data", [b"", b"\x00\xff\r\n\r\nWARC/1.1\r\n", b'{"id": "a"}', bytes(3_000_000)])
def test_bytes_that_were_not_fetched_are_kept_as_they_are(archive, data):
    archive.append([capture(1)])
    reference = archive.keep(data)
    archive.append([capture(2)])
    assert archive.kept(reference) == data


def test_a_capture_and_bytes_that_were_not_fetched_are_not_taken_for_each_other(archive):
    (fetched,) = archive.append([capture(1)])
    kept = archive.keep(b"{}")
    with pytest.raises(ValueError, match="no whole record"):
        archive.kept(fetched)
    with pytest.raises(ValueError, match="no whole record"):
        archive.record(kept)


def test_processes_that_share_a_folder_write_files_of_their_own(tmp_path, time):
    writers = [Archive(tmp_path, time, writer=name) for name in ("", "a1", "b2")]
    found = [(writer.append([capture(number)])[0], number) for number in range(4) for writer in writers]
    kept = [writer.keep(b"{}") for writer in writers]
    for writer in writers:
        writer.close()
    names = [f"tocsin-20260301-{part}0001.warc.gz" for part in ("", "a1-", "b2-")]
    assert sorted(path.name for path in files(tmp_path)) == sorted(names)
    assert [reference.partition("#")[0] for reference in kept] == names
    reader = Archive(tmp_path, time)
    assert all(reader.record(reference) == capture(number) for reference, number in found)
    assert [reader.kept(reference) for reference in kept] == [b"{}"] * 3


def test_a_writer_leaves_the_torn_file_of_another_alone(tmp_path, time):
    other = Archive(tmp_path, time, writer="other")
    other.append([capture(1)])
    (path,) = files(tmp_path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 9)
    size = path.stat().st_size
    mine = Archive(tmp_path, time, writer="mine")
    mine.append([capture(2)])
    other.close()
    mine.close()
    assert path.stat().st_size == size
    assert day(path) == START.replace(hour=0, minute=0, second=0, microsecond=0)


def test_a_writer_whose_name_cannot_stand_in_a_file_name_is_told_so(tmp_path):
    with pytest.raises(ValueError, match="letters and digits"):
        Archive(tmp_path, writer="../host:1")


@pytest.mark.parametrize("reference", ["", "nothing", "../ledger.sqlite#0", "tocsin-20260301-0001.warc.gz#-1"])
def test_what_is_no_reference_is_told_so(archive, reference):
    with pytest.raises(ValueError, match="no reference"):
        archive.record(reference)


def test_a_wrong_place_or_a_gone_file_is_told_so(archive):
    (reference,) = archive.append([capture()])
    with pytest.raises(ValueError, match="no whole record"):
        archive.record(f"{reference}7")
    with pytest.raises(FileNotFoundError):
        archive.record("tocsin-20200101-0001.warc.gz#0")


def test_a_folder_that_cannot_be_written_stops_with_what_to_do(tmp_path, time):
    (tmp_path / "file").write_text("")
    with pytest.raises(Abort, match="free space or mend the disk"):
        Archive(tmp_path / "file", time).append([capture()])


FULL_DISK = """
import random, resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_archive import Abort, Archive, Time, capture, replace
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
archive = Archive(Path(sys.argv[1]), Time())
kept = archive.append([capture(1)])[0]
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
try:
    archive.append([replace(capture(2), body=random.Random(1).randbytes(99_999)), capture(3)])
except Abort as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
later = archive.append([capture(4)])[0]
assert archive.record(kept) == capture(1)
assert archive.record(later) == capture(4)
archive.close()
"""


def test_a_disk_that_fills_up_midway_leaves_whole_records_only(tmp_path, request):
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path), str(request.path.parent)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{request.path.parents[1]}:{request.path.parents[2]}"},
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "cannot be written: File too large; free space" in run.stdout
    with files(tmp_path)[0].open("rb") as file:
        assert [record.rec_type for record in ArchiveIterator(file)][:2] == ["warcinfo", "response"]
