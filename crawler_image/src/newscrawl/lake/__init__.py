"""The lake: articles as Parquet and raw responses as WARC, on HDFS, GCS or a shared folder.

    articles/site=<site>/date=<day>/articles.parquet   the versions of articles that were first fetched on this UTC day
    warc/date=<day>/<name>.warc.gz                      what a worker was answered on this UTC day
    _aside/<path>/<writer>                              what is being written; readers of lakes skip names with a _

A file holds all of its day, so that to replace it is to replace one name, which each of the file systems does in one
step: a reader sees a day whole, as it was or as it is, and never twice. Loading is begin (the manifest in MySQL says
`writing`), write aside, check the size, rename, finish (`loaded`). A process that is killed between any two steps
leaves a whole lake, a row that says that the file is to be loaded again, and at most a file aside, which the next load
removes.
"""

from pathlib import Path

from newscrawl import archive


class LakeError(Exception):
    """The lake did not do what it was asked for; the message names it and says what to check."""


def warc_path(file: Path) -> str:
    """Where a worker's WARC file is in the lake, by its name alone."""
    return f"warc/date={archive.day_of(file):%Y-%m-%d}/{file.name}"
