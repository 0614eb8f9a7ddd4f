"""`newscrawl sites`: the profiles, whether they are right, and how the sites are doing."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from newscrawl.cli.options import messages, open_to_look, output, show, table, with_profiles
from newscrawl.cli.runs import print_failures, state_of
from newscrawl.context import check_redis, find_profile, now, open_redis
from newscrawl.draft import draft, site_of
from newscrawl.extract import extract
from newscrawl.extract.manifest import profile_of, unpacked
from newscrawl.fetch import Fetcher
from newscrawl.model import Article, FetchError, NotAnArticle, Response
from newscrawl.preprocess import cleaned
from newscrawl.profiles import Profile, ProfileError, load, load_all
from newscrawl.settings import Settings
from newscrawl.store import runs
from newscrawl.urls import BadUrl, authority


@click.group()
def sites() -> None:
    """List, check and try site profiles."""


@sites.command("list")
def list_() -> None:
    """List the sites that have a profile; exit code 1 when one is broken."""
    settings = with_profiles()
    profiles = load_all(settings.sites)
    rows = []
    for site, one in sorted(profiles.items()):
        file = "(packaged)" if one.file.parent == settings.packaged_sites else one.file
        if isinstance(one, ProfileError):
            rows.append((site, "broken: see `newscrawl sites check`", "", "", "", file))
        else:
            hosts = ", ".join(sorted(one.hosts))
            rows.append((site, one.name, one.language, one.crawl.queue, hosts, file))
    output.print(table(("site", "name", "language", "queue", "hosts", "file"), rows))
    if any(isinstance(one, ProfileError) for one in profiles.values()):
        sys.exit(1)


@sites.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Check the profiles in FILES, or all that there are; exit code 1 when one is wrong.

    A file's mistakes are shown together, but for those that can be seen only when the others are gone.
    """
    settings = with_profiles()
    checked = {str(file): _load(file) for file in files} if files else load_all(settings.sites)
    problems = {name: _problems(one, settings) for name, one in checked.items()}
    for name, found in sorted(problems.items()):
        for line in found or (f"{name}: ok",):
            click.echo(line)
    if any(problems.values()):
        sys.exit(1)


@sites.command("try")
@click.argument("page")
@click.option("--site", help="The profile to use; by default the one whose hosts hold the page's URL.")
@click.option("--url", help="The URL of a page that is read from a file.")
def try_(page: str, site: str | None, url: str | None) -> None:
    """Show what becomes of PAGE, a URL or an HTML file (.gz, too): each field, and where it came from.

    Nothing is stored, and no database is needed. A page of no site's host is read as one without a profile.
    """
    settings = with_profiles()
    body = None if page.startswith(("http://", "https://")) else _read(page)
    if body is not None and not url:
        raise click.UsageError("a file needs --url, the address that it came from")
    address = url or page
    profile = find_profile(site, settings) if site else _of_host(address, settings)
    if body is None:
        response = _fetched(page, profile, settings)
    else:
        response = Response(address, address, 200, {"content-type": "text/html"}, body, 0.0, now())
    try:
        article = extract(response, profile, fetched=response.fetched_at)
    except NotAnArticle as error:
        raise click.ClickException(str(error)) from error
    article = cleaned(article)
    output.print(table(("field", "value", "from"), _fields(article)))
    click.echo(f"\n{article.body}")


@sites.command()
@click.argument("url")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The folder for the file SITE.yaml.")
@click.option("--allow-private", is_flag=True, help="The site is on a network of your own.")
def new(url: str, out: Path | None, allow_private: bool) -> None:
    """Draft a profile of the site of URL, its front page or an article, from what can be seen there.

    Looks politely at about ten pages, and at one more for each section's feed. Prints the profile, or writes it with
    --out; go on with `sites try`.
    """
    settings = with_profiles()
    try:
        host = authority(url)
    except BadUrl as error:
        raise click.UsageError(str(error)) from error
    check_redis(settings)
    seen = _undescribed(host, allow_private=allow_private)
    fetcher = Fetcher(settings, open_redis(settings), user_agent=settings.user_agent, allow_private=allow_private)

    def get(address: str) -> Response:
        messages.print(f"looking at {address}")
        return fetcher.get(address, site=seen, now=now())

    try:
        drafted = draft(url, get, allow_private=allow_private)
    except (FetchError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if out is None:
        click.echo(drafted, nl=False)
        return
    file = out / f"{site_of(host)}.yaml"
    if file.exists():
        raise click.ClickException(f"{file} is there already: choose another folder, or move it")
    out.mkdir(parents=True, exist_ok=True)
    file.write_text(drafted, "utf-8")
    click.echo(f"{file}: see what it makes of an article with NEWSCRAWL_SITES={out} newscrawl sites try URL")


@sites.command()
@click.argument("site")
@click.option("--days", type=click.IntRange(1), default=7, show_default=True, help="How far back failures are counted.")
def health(site: str, days: int) -> None:
    """Show how SITE has been doing: its URLs, its last runs and their yield, its failures by kind."""
    database = open_to_look(site)
    found = database.run(lambda connection: runs.health(connection, site, now(), days=days))
    show(("URLs", "state"), [(count, state) for state, count in sorted(found.states.items())], "no URLs yet")
    shown = [
        (run.id, state_of(run), run.started, run.counts.get("found", 0), run.counts.get("stored", 0), run.reason)
        for run in found.runs
    ]
    show(("run", "state", "started", "found", "stored", "reason"), shown, "no runs yet")
    with_articles = [run for run in found.runs if run.counts.get("filled", {}).get("articles")]
    for run in with_articles[:1]:
        click.echo(f"run {run.id}: {_shares(run.counts['filled'])}")
    print_failures(found.failures)


def _shares(filled: Mapping[str, int]) -> str:
    articles = filled["articles"]
    fields = sorted(filled.keys() - {"articles", "characters"})
    return f"of {articles:,} articles have " + ", ".join(f"{name} {filled[name] / articles:.0%}" for name in fields)


def _load(file: Path) -> Profile | ProfileError:
    try:
        return load(file)
    except ProfileError as error:
        return error


def _problems(one: Profile | ProfileError, settings: Settings) -> list[str]:
    if isinstance(one, ProfileError):
        return [str(problem) for problem in (one, *one.others)]
    if settings.queues is not None and one.crawl.queue not in settings.queues:
        served = ", ".join(sorted(settings.queues))
        return [
            f"{one.file}: crawl.queue: no worker serves {one.crawl.queue!r} (served: {served}): "
            "name one of them, or add it to the chart's workers.queues"
        ]
    return []


def _of_host(url: str, settings: Settings) -> Profile | None:
    try:
        return profile_of(url, (one for one in load_all(settings.sites).values() if isinstance(one, Profile)))
    except BadUrl as error:
        raise click.UsageError(str(error)) from error


def _read(page: str) -> bytes:
    """A saved page; click's error when there is none that can be read."""
    try:
        return unpacked(Path(page).read_bytes())
    except FileNotFoundError:
        raise click.UsageError(
            f"{page}: there is no such file; PAGE is a URL (http://..., https://...) or an HTML file"
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise click.UsageError(f"{page}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _fetched(url: str, profile: Profile | None, settings: Settings) -> Response:
    check_redis(settings)
    site = profile or _undescribed(authority(url))
    user_agent = site.politeness.user_agent or settings.user_agent
    fetcher = Fetcher(settings, open_redis(settings), user_agent=user_agent, allow_private=site.allow_private)
    try:
        return fetcher.get(url, site=site, now=now())
    except FetchError as error:
        raise click.ClickException(str(error)) from error


def _undescribed(host: str, *, allow_private: bool = False) -> Profile:
    """A site of which only the host is known."""
    return Profile(site_of(host), host, None, ZoneInfo("UTC"), frozenset({host}), Path(), allow_private=allow_private)


def _fields(article: Article) -> Iterator[tuple[str, object, object]]:
    plain = replace(article, paragraphs=())
    for name in ("canonical_url", "title", "authors", "published", "modified", "section", "keywords", "image"):
        value = getattr(plain, name)
        yield name, ", ".join(value) if isinstance(value, tuple) else value, article.sources.get(name)
    for name in ("language", "access", "extractor", "profile"):
        yield name, getattr(plain, name), article.sources.get(name)
    yield "body", f"{len(article.paragraphs)} paragraphs", article.sources.get("body")
