"""Undoes Content-Encoding while counting, so that a small compressed bomb stays small in memory."""

from __future__ import annotations

import zlib
from typing import Any

_GZIP = 16 + zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"


class DecodingError(Exception):
    """The body cannot be used: `kind` is `too_large`, `bad_encoding` or `truncated`."""

    def __init__(self, kind: str, message: str):
        super().__init__(message)
        self.kind = kind


class Decoder:
    """Collects a body of at most `max_bytes` decoded bytes; `encoding` is the Content-Encoding header.

    What is too much is an error, or with `cut` left away, and `full` is then true. gzip (also of several members) and
    deflate (with or without its header) are known, as Accept-Encoding says.
    """

    def __init__(self, encoding: str, max_bytes: int, *, cut: bool = False):
        self._encoding = encoding.strip().lower().removeprefix("x-")
        if self._encoding not in ("", "identity", "gzip", "deflate", "utf-8"):
            raise DecodingError("bad_encoding", f"Content-Encoding {encoding!r} was not asked for")
        self._max_bytes = max_bytes
        self._cut = cut
        self.full = False
        self._inflate: Any = None
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes; raises DecodingError."""
        if self._encoding not in ("gzip", "deflate"):
            self._keep(chunk)
            return
        while chunk and not self.full:
            if self._inflate is None:
                self._inflate = zlib.decompressobj(self._window(chunk))
            elif self._inflate.eof:
                if not chunk.startswith(_GZIP_MAGIC):
                    return  # padding after the last member
                self._inflate = zlib.decompressobj(_GZIP)
            try:
                # one byte more than allowed is enough to know
                self._keep(self._inflate.decompress(chunk, self._max_bytes - self._size + 1))
            except zlib.error as error:
                raise DecodingError("bad_encoding", f"the body is no valid {self._encoding}: {error}") from error
            chunk = self._inflate.unconsumed_tail or self._inflate.unused_data

    def finish(self) -> bytes:
        """The whole body; raises DecodingError when its end is missing."""
        if self._inflate is not None and not self._inflate.eof and not self.full:
            raise DecodingError("truncated", f"the {self._encoding} body ends too early, after {self._size} bytes")
        return b"".join(self._parts)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._max_bytes and self._cut:
            self.full = True
            part = part[: len(part) - (self._size - self._max_bytes)]
        elif self._size > self._max_bytes:
            raise DecodingError("too_large", f"the body is larger than {self._max_bytes} bytes")
        self._parts.append(part)

    def _window(self, chunk: bytes) -> int:
        if self._encoding == "gzip":
            return _GZIP
        # deflate should carry a zlib header, whose low four bits are 8; many servers send it without
        return zlib.MAX_WBITS if chunk[0] & 0x0F == 8 else -zlib.MAX_WBITS
