"""What was archived can be read again, also after a writer was killed."""

import gzip
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from newscrawl import archive
from newscrawl.archive import WarcRecord, WarcWriter
from newscrawl.model import Response
from warcio.archiveiterator import ArchiveIterator

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def response(number: int = 0, size: int = 100, at: datetime = NOW) -> Response:
    url = f"http://hanbit.example/기사/{number}"
    headers = {"content-type": "text/html; charset=euc-kr", "content-encoding": "gzip", "content-length": "7"}
    return Response(url, url, 200, headers, f"가 {number} ".encode("cp949") * size, 0.1, at)


def read(record: WarcRecord) -> tuple[str, bytes]:
    """The URL and body that a record holds, read from its place alone."""
    with open(record.path, "rb") as file:
        file.seek(record.offset)
        member = file.read(record.length)
    assert gzip.decompress(member)
    with open(record.path, "rb") as file:
        file.seek(record.offset)
        found = next(iter(ArchiveIterator(file)))
        return found.rec_headers.get_header("WARC-Target-URI"), found.content_stream().read()


def bodies(path: Path) -> list[bytes]:
    """All responses of a file, read from its start."""
    with open(path, "rb") as file:
        return [one.content_stream().read() for one in ArchiveIterator(file) if one.rec_type == "response"]


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.warc.gz"))


def test_a_response_is_found_at_its_place(tmp_path: Path) -> None:
    with WarcWriter(tmp_path / "new" / "folder") as writer:
        records = [writer.write(response(number)) for number in range(3)]
    for number, record in enumerate(records):
        url, body = read(record)
        assert url.endswith(f"/{number}")
        assert body == response(number).body


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example("\u00e9; filename=\u00e9".encode("latin-1"), "content-disposition")
@example(b"1", "\u00e9")
@example(b"folded\r\n line", "x")
@given(st.binary(max_size=30), st.sampled_from(["content-type", "content-disposition", "x"]))
def test_any_header_can_be_kept(tmp_path: Path, value: bytes, name: str) -> None:
    sent = replace(response(), headers={"a": "1", name: value.decode("latin-1"), "z": "2"})
    with WarcWriter(tmp_path) as writer:
        kept = archive.read(writer.write(sent))
    assert (kept.body, kept.headers["a"], kept.headers["z"]) == (sent.body, "1", "2")
    assert len(kept.headers) == 4


def test_headers_tell_what_came_and_do_not_lie_about_the_body(tmp_path: Path) -> None:
    record = WarcWriter(tmp_path).write(response())
    with open(record.path, "rb") as file:
        about, kept = list(ArchiveIterator(file, no_record_parse=False))
        assert about.rec_type == "warcinfo"
        headers = kept.http_headers
        assert kept.rec_headers.get_header("WARC-Date") == "2026-11-23T03:00:00Z"
    assert headers.get_statuscode() == "200"
    assert headers.get_header("content-type") == "text/html; charset=euc-kr"
    assert headers.get_header("content-encoding") is None
    assert headers.get_header("x-archive-orig-content-encoding") == "gzip"
    assert headers.get_header("content-length") == str(len(response().body))


def test_the_next_writer_goes_on_with_the_file(tmp_path: Path) -> None:
    for number in range(3):
        with WarcWriter(tmp_path) as writer:
            writer.write(response(number))
    assert [bodies(path) for path in files(tmp_path)] == [[response(number).body for number in range(3)]]


def test_writers_at_the_same_time_have_files_of_their_own(tmp_path: Path) -> None:
    with WarcWriter(tmp_path) as one, WarcWriter(tmp_path) as other:
        assert one.write(response()).path != other.write(response()).path


def test_a_file_ends_with_its_size_and_its_day(tmp_path: Path) -> None:
    with WarcWriter(tmp_path, max_bytes=3000) as writer:
        paths = [writer.write(response(number, size=number + 200)).path for number in range(20)]
        assert len(set(paths)) > 1
        assert all(path.stat().st_size <= 3000 for path in set(paths))
        tomorrow = writer.write(response(at=NOW + timedelta(days=1))).path
    assert "-20261123-" in paths[0].name
    assert "-20261124-" in tomorrow.name
    # only the last one is still open to the next writer
    assert [path.name for path in tmp_path.glob("*.open")] == [tomorrow.name + ".open"]


def test_threads_share_a_writer(tmp_path: Path) -> None:
    with WarcWriter(tmp_path) as writer:
        records: list[tuple[int, WarcRecord]] = []

        def work(first: int) -> None:
            for number in range(first, first + 20):
                records.append((number, writer.write(response(number))))

        threads = [threading.Thread(target=work, args=(first,)) for first in (0, 100, 200)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert all(read(record)[1] == response(number).body for number, record in records)
    assert len(bodies(files(tmp_path)[0])) == 60


def test_a_forked_child_does_not_write_into_its_parent_s_file(tmp_path: Path) -> None:
    with WarcWriter(tmp_path) as writer:
        writer.write(response(1))
        child = os.fork()
        if child == 0:
            writer.write(response(2))
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        writer.write(response(3))
    found = [bodies(path) for path in files(tmp_path)]
    assert sorted(found) == sorted([[response(1).body, response(3).body], [response(2).body]])


_WRITE_FOR_EVER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from newscrawl.archive import WarcWriter
from newscrawl.model import Response
writer = WarcWriter(Path(sys.argv[1]))
for number in range(1_000_000):
    url = f"http://a.example/{number}"
    response = Response(url, url, 200, {}, url.encode() * 5000, 0.1, datetime(2026, 11, 23, tzinfo=UTC))
    record = writer.write(response)
    print(record.path, record.offset, record.length, flush=True)
"""


def test_a_killed_writer_leaves_every_record_it_told_of(tmp_path: Path) -> None:
    told: list[WarcRecord] = []
    for _ in range(3):
        command = [sys.executable, "-c", _WRITE_FOR_EVER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for _ in range(20):
                path, offset, length = process.stdout.readline().split()
                told.append(WarcRecord(Path(path), int(offset), int(length)))
            process.send_signal(signal.SIGKILL)
    assert len(files(tmp_path)) == 1
    # what a kill in the middle of a write leaves behind
    with open(files(tmp_path)[0], "ab") as file:
        file.write(b"\x1f\x8b half a record")
    with WarcWriter(tmp_path) as writer:
        told.append(writer.write(response()))
    assert all(read(record) for record in told)
    assert len(bodies(files(tmp_path)[0])) >= len(told)


def test_a_full_volume_leaves_the_file_whole(tmp_path: Path) -> None:
    limited = """
import resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from newscrawl.archive import WarcWriter
from newscrawl.model import Response
import random
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
writer = WarcWriter(Path(sys.argv[1]))
def write(size):
    url = "http://a.example/"
    writer.write(Response(url, url, 200, {}, random.randbytes(size), 0.1, datetime(2026, 11, 23, 3, tzinfo=UTC)))
write(30_000)
try:
    write(30_000)
    sys.exit("the limit was not felt")
except OSError:
    write(10_000)
"""
    subprocess.run([sys.executable, "-c", limited, str(tmp_path)], check=True)
    with WarcWriter(tmp_path) as writer:
        writer.write(response())
    assert [len(body) for body in bodies(files(tmp_path)[0])] == [30_000, 10_000, len(response().body)]


def test_an_unwritable_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        WarcWriter(tmp_path / "file").write(response())
