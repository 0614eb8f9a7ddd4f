"""Articles as Parquet: one schema for the lake and for exports, written in row groups of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

import pyarrow as pa
from pyarrow import parquet

_TIME = pa.timestamp("ms", tz="UTC")
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("site", pa.string()),
        ("version", pa.int32()),
        ("canonical_url", pa.string()),
        ("url", pa.string()),
        ("title", pa.string()),
        ("body", pa.string()),  # paragraphs separated by an empty line
        ("authors", pa.list_(pa.string())),
        ("published", _TIME),
        ("published_offset", pa.int16()),  # minutes east of UTC of the date line
        ("modified", _TIME),
        ("section", pa.string()),
        ("keywords", pa.list_(pa.string())),
        ("image", pa.string()),
        ("language", pa.string()),
        ("access", pa.string()),
        ("extractor", pa.string()),
        ("profile", pa.string()),
        ("sources", pa.map_(pa.string(), pa.string())),  # where each field came from
        ("content_hash", pa.binary(32)),
        ("simhash", pa.uint64()),
        ("characters", pa.int32()),
        ("words", pa.int32()),
        ("reading_seconds", pa.int32()),
        ("run_id", pa.int64()),
        ("fetched", _TIME),
    ]
)
# in the lake the name of the folder says the site, and a reader would get it twice
LAKE_SCHEMA = SCHEMA.remove(SCHEMA.get_field_index("site"))
# what repeats: texts of their own would only fill a dictionary until it is given up
_REPEATED = (
    *("site", "authors.list.element", "section", "keywords.list.element", "language", "access", "extractor", "profile"),
    *("sources.key_value.key", "sources.key_value.value"),
)
# a row group is held in memory until it is written, and read whole: whichever comes first
GROUP_ROWS = 10_000
GROUP_BYTES = 32 * 2**20


def write(target: IO[bytes], pages: Iterable[Sequence[Mapping[str, Any]]], schema: pa.Schema) -> int:
    """Writes the rows of all pages and returns how many they were. A page may hold more columns than `schema`."""
    count = 0
    held: list[pa.RecordBatch] = []
    options = {"compression": "zstd", "use_dictionary": [n for n in _REPEATED if n.split(".")[0] in schema.names]}
    with parquet.ParquetWriter(target, schema, **options) as writer:
        for page in pages:
            rows = [{**row, "sources": list(row["sources"].items())} for row in page]
            held.append(pa.RecordBatch.from_pylist(rows, schema=schema))
            count += len(rows)
            if sum(map(len, held)) >= GROUP_ROWS or sum(batch.nbytes for batch in held) >= GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(held))
                held = []
        if held:
            writer.write_table(pa.Table.from_batches(held))
    return count
