"""Keeps every response as it came, so that a better profile re-parses old pages without a new crawl.

Worker processes come and go (each task is one), so a process takes over a file that nobody writes any more rather than
starting another; `<file>.open` beside it is the lock, and says how far the file is good: what a killed writer left
behind that mark is cut off. A file without `.open` is complete.
"""

from __future__ import annotations

import fcntl
import gzip
import io
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import quote

from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from newscrawl.model import Response

_LEVEL = 6  # of gzip: level 9 takes three times as long for 1% less
_MARK_BYTES = 20
_DATE = "%Y-%m-%dT%H:%M:%SZ"
# the body is stored decoded, so these would lie; they are kept under another name, as web archives do
_PRINTABLE = "".join(map(chr, range(32, 127)))
_OF_TRANSFER = ("content-encoding", "transfer-encoding", "content-length")


@dataclass(frozen=True)
class WarcRecord:
    """Where a response is kept: `length` compressed bytes from `offset` are one gzip member with one record."""

    path: Path
    offset: int
    length: int


def read(record: WarcRecord) -> Response:
    """The response that is kept there. Raises OSError, and ValueError when something else is there."""
    with record.path.open("rb") as file:
        file.seek(record.offset)
        return response_in(file.read(record.length), record)


def response_in(member: bytes, record: WarcRecord) -> Response:
    """The response in the bytes of a record. Raises ValueError when they are something else."""
    for one in ArchiveIterator(io.BytesIO(member)):
        if one.rec_type == "response" and len(member) == record.length:
            url = one.rec_headers.get_header("WARC-Target-URI")
            fetched = datetime.strptime(one.rec_headers.get_header("WARC-Date"), _DATE).replace(tzinfo=UTC)
            headers = {name.lower(): value for name, value in one.http_headers.headers}
            body = one.content_stream().read()
            return Response(url, url, int(one.http_headers.get_statuscode()), headers, body, 0.0, fetched)
    raise ValueError(f"{record.path}: no response of {record.length} bytes at {record.offset}")


class WarcWriter:
    """Appends responses to a WARC file in `directory`; threads may share it.

    A file ends at `max_bytes` or with its UTC day. Nothing is opened before the first write, and a forked child opens
    its own file. It is a context manager, or to be closed, so that the next writer can take the file over.
    """

    def __init__(self, directory: Path, *, max_bytes: int = 256 * 1024 * 1024):
        self._directory = Path(directory)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._file: _OpenFile | None = None

    def __enter__(self) -> WarcWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def write(self, response: Response) -> WarcRecord:
        """Appends `response` and returns where it is. Raises OSError (ENOSPC: nothing of the record remains)."""
        member = _member(response)
        day = _day(response.fetched_at)
        with self._lock:
            if self._file is not None and self._file.pid != os.getpid():
                self._file = None  # the parent's, after a fork: it goes on writing it
            if self._file is not None and (self._file.day != day or self._file.end + len(member) > self._max_bytes):
                self._file.finish()
                self._file = None
            if self._file is None:
                self._file = _take_over(self._directory, day, self._max_bytes) or _create(self._directory, day)
            offset = self._file.append(member)
            return WarcRecord(self._file.path, offset, len(member))

    def close(self) -> None:
        """Leaves the file to the next writer."""
        with self._lock:
            if self._file is not None and self._file.pid == os.getpid():
                self._file.leave()
            self._file = None


class _OpenFile:
    """A WARC file that this process holds the lock of."""

    def __init__(self, path: Path, mark: int):
        self.path = path
        self.pid = os.getpid()
        self.day = path.name.split("-")[1]
        self._mark = mark
        self._data = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        size = os.fstat(self._data).st_size
        text = os.pread(mark, _MARK_BYTES, 0)
        # after a loss of power the mark may be ahead of the data: then all there is stays
        self.end = min(int(text), size) if text.strip().isdigit() else size
        if size > self.end:
            os.ftruncate(self._data, self.end)

    def append(self, member: bytes) -> int:
        """Writes at the end, moves the mark, returns the offset."""
        offset = self.end
        try:
            written = 0
            while written < len(member):
                written += os.pwrite(self._data, member[written:], offset + written)
        except OSError:
            os.ftruncate(self._data, offset)
            raise
        self.end = offset + len(member)
        os.pwrite(self._mark, str(self.end).ljust(_MARK_BYTES).encode(), 0)
        return offset

    def finish(self) -> None:
        """Makes the file complete: on the disk, and nobody's."""
        os.fsync(self._data)
        _mark_of(self.path).unlink(missing_ok=True)
        self.leave()

    def leave(self) -> None:
        """Closes the file; closing the mark frees its lock."""
        os.close(self._data)
        os.close(self._mark)


def complete_files(directory: Path, now: datetime | None) -> list[Path]:
    """The complete WARC files of `directory`, oldest day first.

    Before, files that nobody holds are completed: those of other UTC days than that of `now`, without a `now` all.
    """
    today = None if now is None else _day(now)
    for file in _left_behind(directory):
        if file.day == today:
            file.leave()
        else:
            file.finish()
    return [path for path in sorted(directory.glob("newscrawl-*.warc.gz")) if not _mark_of(path).exists()]


def day_of(path: Path) -> date:
    """The UTC day whose responses a WARC file holds."""
    return datetime.strptime(path.name.split("-")[1], "%Y%m%d").date()


def _take_over(directory: Path, day: str, max_bytes: int) -> _OpenFile | None:
    """A file of `day` with room that nobody holds; files of other days that nobody holds are completed."""
    found = None
    for file in _left_behind(directory):
        if file.day != day or file.end >= max_bytes:
            file.finish()
        elif found is None:
            found = file
        else:
            file.leave()
    return found


def _left_behind(directory: Path) -> Iterator[_OpenFile]:
    """The files that are not complete and that nobody holds; each is held until its `finish` or `leave`."""
    for mark_path in sorted(directory.glob("newscrawl-*.warc.gz.open")):
        try:
            mark = os.open(mark_path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        if _locked(mark, mark_path):
            yield _OpenFile(mark_path.with_suffix(""), mark)
        else:
            os.close(mark)


def _create(directory: Path, day: str) -> _OpenFile:
    directory.mkdir(parents=True, exist_ok=True)
    host = socket.gethostname().replace("-", "_")
    while True:
        path = directory / f"newscrawl-{day}-{host}-{secrets.token_hex(4)}.warc.gz"
        mark = os.open(_mark_of(path), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        if _locked(mark, _mark_of(path)):
            break
        os.close(mark)  # another process was quicker to take over our new mark
    file = _OpenFile(path, mark)
    file.append(_information(path.name))
    return file


def _locked(mark: int, path: Path) -> bool:
    """Whether we got the lock, and the mark is still the one that its name means."""
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(mark).st_ino == os.stat(path).st_ino
    except (BlockingIOError, FileNotFoundError):
        return False


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d")


def _mark_of(path: Path) -> Path:
    return path.with_name(path.name + ".open")


def _member(response: Response) -> bytes:
    names = {name: f"x-archive-orig-{name}" if name in _OF_TRANSFER else _ascii(name) for name in response.headers}
    headers = [(names[name], _ascii(value)) for name, value in response.headers.items()]
    headers.append(("content-length", str(len(response.body))))
    plain = io.BytesIO()
    writer = WARCWriter(plain, gzip=False)
    record = writer.create_warc_record(
        response.url,
        "response",
        payload=io.BytesIO(response.body),
        http_headers=StatusAndHeaders(str(response.status), headers, protocol="HTTP/1.1"),
        warc_headers_dict={"WARC-Date": _date(response.fetched_at)},
    )
    writer.write_record(record)
    return gzip.compress(plain.getvalue(), _LEVEL, mtime=0)


def _ascii(value: str) -> str:
    """A part of a header on one line, with what is no printable ASCII as %XX: not all other can warcio write."""
    return quote(value.encode("latin-1", "replace"), safe=_PRINTABLE)


def _information(name: str) -> bytes:
    plain = io.BytesIO()
    writer = WARCWriter(plain, gzip=False)
    about = {"software": "newscrawl", "format": "WARC File Format 1.0"}
    writer.write_record(writer.create_warcinfo_record(name, about))
    return gzip.compress(plain.getvalue(), _LEVEL, mtime=0)


def _date(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_DATE)
