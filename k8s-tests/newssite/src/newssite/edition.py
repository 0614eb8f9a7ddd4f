"""The articles of one site: a pure function of site, seed and number, so that any number of them costs no start.

Times go back from a fixed last day: they are part of the truth and must not depend on when the server was started.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo

from newssite import english, korean
from newssite.article import Article, Reporter, Text

LAST_DAY = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
STEP = timedelta(minutes=37)  # between two articles; 200 of them are five days of news


@dataclass(frozen=True)
class Language:
    """The grammar that a site's articles come from."""

    code: str
    sections: tuple[str, ...]
    compose: Callable[[Random, str], Text]
    reporter: Callable[[Random, str], Reporter]


KOREAN = Language("ko", korean.SECTIONS, korean.compose, korean.reporter)
ENGLISH = Language("en", english.SECTIONS, english.compose, english.reporter)


@dataclass(frozen=True)
class Edition:
    """What a site has published: articles 1 to `count`, the newest last.

    `at_first` is the count that the clock of the articles goes back from; `changes` holds when each changed
    article was changed since; `crawl_delay` is what the site's robots.txt asks for, in seconds.
    """

    site: str
    language: Language
    zone: ZoneInfo
    seed: int
    at_first: int
    count: int
    changes: Mapping[int, tuple[datetime, ...]] = field(default_factory=dict)
    crawl_delay: float = 0.0

    def published(self, number: int) -> datetime:
        """When an article came out, to the minute, in the site's zone; ascending in `number`."""
        jitter = Random(f"{self.seed}/{self.site}/{number}/minute").randrange(STEP // timedelta(minutes=1))
        return (LAST_DAY + (number - self.at_first) * STEP + timedelta(minutes=jitter)).astimezone(self.zone)

    def section(self, number: int) -> str:
        """The section of an article."""
        return self.language.sections[number % len(self.language.sections)]

    def article(self, number: int) -> Article:
        """Article `number` as it reads now. Raises LookupError for one that is not published."""
        if not 1 <= number <= self.count:
            raise LookupError(f"{self.site} has the articles 1 to {self.count}, and no {number}")
        written = _written(self.site, self.language, self.seed, number)
        article = Article(
            number=number,
            section=self.section(number),
            text=written[0],
            reporters=written[1],
            published=self.published(number),
        )
        changes = self.changes.get(number, ())
        if not changes:
            return article
        more = self.language.compose(Random(f"{self.seed}/{self.site}/{number}/{len(changes)}"), article.section)
        text = replace(article.text, paragraphs=(*article.text.paragraphs, more.paragraphs[0]))
        return replace(article, text=text, modified=changes[-1].astimezone(self.zone))

    def with_more(self, count: int) -> Edition:
        """The edition after `count` more articles came out."""
        return replace(self, count=self.count + count)

    def with_change(self, number: int, now: datetime) -> Edition:
        """The edition after article `number` was changed at `now` (aware). Raises LookupError as `article` does."""
        self.article(number)
        return replace(self, changes={**self.changes, number: (*self.changes.get(number, ()), now)})


@lru_cache(maxsize=8192)
def _written(site: str, language: Language, seed: int, number: int) -> tuple[Text, tuple[Reporter, ...]]:
    random = Random(f"{seed}/{site}/{number}")
    text = language.compose(random, language.sections[number % len(language.sections)])
    writers = [language.reporter(random, f"{site}.example") for _ in range(2 if random.random() < 0.15 else 1)]
    return text, tuple({one.name: one for one in writers}.values())
