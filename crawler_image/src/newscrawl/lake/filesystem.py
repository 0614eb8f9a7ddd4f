"""The file systems that a lake can be on, with the few operations that loading needs.

HDFS is spoken to over WebHDFS and not through libhdfs: that needs a JVM and Hadoop's libraries (300 MB) in every
worker and one of Hadoop's versions, WebHDFS needs HTTP, works with every Hadoop since 2 and through a gateway (HttpFS,
Knox), and carries the same bytes: the DataNodes take them directly, the NameNode only redirects. What it costs is a
request for each block of 16 MiB and a single NameNode in the URL: with two of them, name a gateway.

This module is imported by what loads the lake alone: gcsfs and pyarrow take seconds and 80 MB.
"""

from __future__ import annotations

import functools
import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.webhdfs import WebHDFS
from sqlalchemy.exc import SQLAlchemyError

from newscrawl.lake import LakeError
from newscrawl.store import StoreUnavailable

WEBHDFS_PORT = 9870  # dfs.namenode.http-address since Hadoop 3
# seconds to connect, and to wait for an answer: a NameNode with a long pause, not one that hangs
TIMEOUT = (10, 120)
BLOCK = 16 * 2**20  # bytes that are held in memory and sent at once
_ASIDE = "_aside"


@dataclass(frozen=True)
class Lake:
    """A folder of a file system, whose paths are relative to it. Every method raises LakeError.

    `name` is its URL without a user: what the manifest knows it by.
    """

    name: str
    files: AbstractFileSystem
    root: str

    @contextmanager
    def write_aside(self, path: str, writer: str) -> Iterator[IO[bytes]]:
        """A new file that is `writer`'s own and is to become `path`."""
        aside = self._aside(path, writer)
        with self._explained(aside):
            self.files.makedirs(self.files._parent(aside), exist_ok=True)
            with self.files.open(aside, "wb", block_size=BLOCK) as target:
                yield target

    def aside_size(self, path: str, writer: str) -> int | None:
        """The bytes of what `writer` wrote aside; None when it is not there (any more)."""
        return self._size(self._aside(path, writer))

    def size(self, path: str) -> int | None:
        """The bytes of a file; None when there is none."""
        return self._size(self._full(path))

    def read(self, path: str, offset: int, length: int) -> bytes | None:
        """`length` bytes of a file from `offset`, or what there is of them; None when there is no such file."""
        full = self._full(path)
        # fsspec reads ahead by a block: 4 MiB for a page of 40 KB
        alone = {"block_size": 1} if isinstance(self.files, WebHDFS) else {}
        with self._explained(full):
            try:
                found = self.files.cat_file(full, start=offset, end=offset + length, **alone)
            except FileNotFoundError:
                return None
        # WebHDFS' client takes a DataNode's error for the file's bytes
        if len(found) < length and (self._size(full) or 0) >= offset + length:
            raise LakeError(
                f"the lake {self.name} gave {len(found)} of {length} bytes of {full}: see its log, try again"
            )
        return found

    def publish(self, path: str, writer: str) -> None:
        """Gives what `writer` wrote aside the name `path`, in place of what has it. Done twice it is done once."""
        aside, target = self._aside(path, writer), self._full(path)
        if self._size(aside) is None and self._size(target) is not None:
            return
        with self._explained(target):
            self.files.makedirs(self.files._parent(target), exist_ok=True)
            if isinstance(self.files, WebHDFS):
                # fsspec's mv is Hadoop's old rename, which refuses to replace and says so in a body that nobody reads
                self.files._call("RENAME", "put", path=aside, destination=target, renameoptions="OVERWRITE")
            elif isinstance(self.files, LocalFileSystem):
                self.files.mv(aside, target)
            else:
                # an object is replaced in one step by its copy, which is made within the service
                self.files.cp_file(aside, target)

    def remove(self, path: str) -> None:
        """Removes a file, if it is there."""
        self._remove(self._full(path))

    def clear_aside(self, path: str) -> None:
        """Removes whatever was written aside to become `path`."""
        self._remove(self._full(f"{_ASIDE}/{path}"))

    def _full(self, path: str) -> str:
        return f"{self.root}/{path}"

    def _aside(self, path: str, writer: str) -> str:
        return self._full(f"{_ASIDE}/{path}/{writer}")

    def _size(self, full: str) -> int | None:
        # not exists(): that calls a lake that does not answer an empty one
        with self._explained(full):
            try:
                return self.files.info(full)["size"]
            except FileNotFoundError:
                return None

    def _remove(self, full: str) -> None:
        if self._size(full) is not None:
            with self._explained(full):
                self.files.rm(full, recursive=True)

    @contextmanager
    def _explained(self, full: str) -> Iterator[None]:
        try:
            yield
        except (LakeError, StoreUnavailable, SQLAlchemyError):
            raise
        except Exception as error:
            raise LakeError(
                f"the lake {self.name} failed at {full} ({type(error).__name__}: {error}): check that it runs, that "
                "this machine reaches it and that its user may write there (NEWSCRAWL_LAKE_URL, "
                "NEWSCRAWL_LAKE_OPTIONS); then load again, nothing is lost"
            ) from error


def open_lake(url: str, options: Mapping[str, Any]) -> Lake:
    """The lake at `url`; nothing is connected to before it is used.

    hdfs://[USER@]HOST[:PORT]/FOLDER is Hadoop's own name of a folder, so that PORT is that of its RPC: WebHDFS is asked
    on its default port. webhdfs://[USER@]HOST:PORT/FOLDER says another one. Without a user it is the operating
    system's, as with Hadoop's own clients. gs://BUCKET/FOLDER takes the machine's Google account (Workload Identity).
    file:///FOLDER is a folder that all workers share. `options` are those of fsspec's WebHDFS (kerberos, token,
    use_https, ...), of gcsfs (token, project, endpoint_url, ...) or of its local file system.
    """
    parts = urlsplit(url)
    folder = unquote(parts.path).rstrip("/")
    if parts.scheme in ("hdfs", "webhdfs"):
        port = (parts.port if parts.scheme == "webhdfs" else None) or WEBHDFS_PORT
        told = dict(options)
        if not told.keys() & {"user", "token", "kerberos"}:
            told["user"] = unquote(parts.username) if parts.username else getpass.getuser()
        files = WebHDFS(parts.hostname, port, skip_instance_cache=True, **told)
        # requests waits for ever by default
        files.session.request = functools.partial(files.session.request, timeout=TIMEOUT)
        return Lake(f"webhdfs://{parts.hostname}:{port}{folder}", files, folder)
    if parts.scheme == "gs":
        # its import takes two seconds; the class of the core, as the other one asks each bucket for its kind over gRPC
        from gcsfs.core import GCSFileSystem

        # a listing that is kept would not see what other writers do
        files = GCSFileSystem(skip_instance_cache=True, use_listings_cache=False, **options)
        return Lake(f"gs://{parts.netloc}{folder}", files, f"{parts.netloc}{folder}")
    return Lake(f"file://{folder}", LocalFileSystem(skip_instance_cache=True, **options), folder)
