"""From an article to what is stored: a pipeline of small pure steps, then what is computed from the clean text.

The steps are idempotent, so preparing an article again (after a better profile, say) changes nothing by itself.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import py3langid
from simhash import Simhash

from newscrawl.extract import boilerplate
from newscrawl.model import Article, PreparedArticle

if TYPE_CHECKING:
    from newscrawl.profiles import Profile

# silent reading: words a minute of English (Brysbaert 2019), characters a minute of East Asian scripts, rounded down
WORDS_A_MINUTE = 238
CHARACTERS_A_MINUTE = 400
# and half characters, which JSON can hold and UTF-8 cannot
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad\x00\ud800-\udfff]")
_EAST_ASIAN = frozenset({"ko", "ja", "zh"})
_SHINGLE = 4
# from so many on one in four tells texts apart as well as all of them
_MANY_SHINGLES = 400
_SAMPLED = 4
# characters from which the language is told
_TELLING = 2000

# from which on a declared one is doubted, and by which
_LEAST_TELLING = 200
_SAMPLE = 600
_SCRIPTS = {
    "hangul": re.compile("[가-힣]"),
    "kana": re.compile("[ぁ-ヿ]"),
    "han": re.compile("[一-鿿]"),
    "latin": re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]"),
}
# English is what systems declare by themselves; of languages that are not named here any script is believed but these
_WRITTEN = {"ko": "hangul", "ja": "kana", "zh": "han", "en": "latin"}
# of a text's letters those of its language's script at the least: Japanese is full of Chinese characters, Korean
# reports on technology of Latin ones
_SCRIPT_SHARE = 0.15

Step = Callable[[Article], Article]


def normalise(article: Article) -> Article:
    """Unicode NFC, without invisible and half characters and with single spaces, in every text."""

    def clean(text: str) -> str:
        return " ".join(unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).split())

    return replace(
        article,
        title=clean(article.title),
        paragraphs=tuple(filter(None, map(clean, article.paragraphs))),
        authors=tuple(filter(None, map(clean, article.authors))),
        section=clean(article.section) if article.section else None,
        keywords=tuple(filter(None, map(clean, article.keywords))),
        image=(clean(article.image) or None) if article.image else None,
    )


def without_repeats(article: Article) -> Article:
    """A paragraph that repeats the one before it, as broken templates do, stands once."""
    paragraphs = article.paragraphs
    kept = tuple(one for one, before in zip(paragraphs, ("", *paragraphs), strict=False) if one != before)
    return replace(article, paragraphs=kept)


def without_boilerplate(article: Article) -> Article:
    """Without lines of copyright, reporters' addresses and invitations to other pages; a text of such lines stays."""
    kept = tuple(boilerplate.without(article.paragraphs))
    return replace(article, paragraphs=kept) if kept else article


def with_language(article: Article) -> Article:
    """The language of the text, where neither the profile nor the page names one that is written as the text is.

    Many systems declare English, or their own language, whatever a page is in.
    """
    told = article.language
    if told and (len(article.body) < _LEAST_TELLING or _written_as(told, article.body[:_SAMPLE])):
        return article
    language, _ = py3langid.classify(article.body[:_TELLING])
    return replace(article, language=language)


def _written_as(language: str, text: str) -> bool:
    """Whether a text's letters are those of a language."""
    letters = sum(map(str.isalpha, text)) or 1

    def shared(script: str) -> bool:
        return len(_SCRIPTS[script].findall(text)) >= _SCRIPT_SHARE * letters

    if language not in _WRITTEN:
        return not any(map(shared, ("hangul", "kana", "han")))
    return shared(_WRITTEN[language]) and not (language == "zh" and shared("kana"))


STEPS: tuple[Step, ...] = (normalise, without_boilerplate, without_repeats, with_language)


def cleaned(article: Article) -> Article:
    """The article after all steps."""
    for step in STEPS:
        article = step(article)
    return article


def preprocess(article: Article, profile: Profile | None) -> PreparedArticle:
    """The article after all steps, with its fingerprints and its size."""
    article = cleaned(article)
    characters, words = len(article.body), len(article.body.split())
    return PreparedArticle(
        article=article,
        content_hash=hashlib.sha256(f"{article.title}\n{article.body}".encode()).hexdigest(),
        simhash=Simhash(sampled(shingles(article.body))).value,
        characters=characters,
        words=words,
        reading_seconds=reading_seconds(article.language, characters, words),
    )


def shingles(text: str) -> list[str]:
    """Overlapping runs of four characters: the features of near-duplicate detection in any language."""
    flat = "".join(text.split()).casefold()
    return [flat[start : start + _SHINGLE] for start in range(max(1, len(flat) - _SHINGLE + 1))]


def sampled(features: Sequence[str]) -> Sequence[str]:
    """Of many features a quarter, chosen by what they are: texts that share features share their samples too.

    Hashing all features of an article costs as much as reading its page.
    """
    if len(features) < _MANY_SHINGLES:
        return features
    return [one for one in features if zlib.crc32(one.encode()) % _SAMPLED == 0]


def reading_seconds(language: str | None, characters: int, words: int) -> int:
    """Estimated reading time, rounded up."""
    if language in _EAST_ASIAN:
        return math.ceil(characters / CHARACTERS_A_MINUTE * 60)
    return math.ceil(words / WORDS_A_MINUTE * 60)
