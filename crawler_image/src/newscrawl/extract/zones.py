"""The time zone of a site that nobody described, by the country of its host, else by what its pages declare.

Only countries with one zone, or with one in which nearly all of their press is written, tell anything; where nothing
does, a date without a zone counts as UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

# by ISO 3166 code, which is the top-level domain as well (but for uk)
_COUNTRIES = {
    "ae": "Asia/Dubai",
    "ar": "America/Argentina/Buenos_Aires",
    "at": "Europe/Vienna",
    "bd": "Asia/Dhaka",
    "be": "Europe/Brussels",
    "bg": "Europe/Sofia",
    "br": "America/Sao_Paulo",
    "ch": "Europe/Zurich",
    "cl": "America/Santiago",
    "cn": "Asia/Shanghai",
    "co": "America/Bogota",
    "cz": "Europe/Prague",
    "de": "Europe/Berlin",
    "dk": "Europe/Copenhagen",
    "ee": "Europe/Tallinn",
    "eg": "Africa/Cairo",
    "es": "Europe/Madrid",
    "fi": "Europe/Helsinki",
    "fr": "Europe/Paris",
    "gb": "Europe/London",
    "gh": "Africa/Accra",
    "gr": "Europe/Athens",
    "hk": "Asia/Hong_Kong",
    "hr": "Europe/Zagreb",
    "hu": "Europe/Budapest",
    "id": "Asia/Jakarta",
    "ie": "Europe/Dublin",
    "il": "Asia/Jerusalem",
    "in": "Asia/Kolkata",
    "ir": "Asia/Tehran",
    "is": "Atlantic/Reykjavik",
    "it": "Europe/Rome",
    "jp": "Asia/Tokyo",
    "ke": "Africa/Nairobi",
    "kr": "Asia/Seoul",
    "lk": "Asia/Colombo",
    "lt": "Europe/Vilnius",
    "lu": "Europe/Luxembourg",
    "lv": "Europe/Riga",
    "ma": "Africa/Casablanca",
    "my": "Asia/Kuala_Lumpur",
    "na": "Africa/Windhoek",
    "ng": "Africa/Lagos",
    "nl": "Europe/Amsterdam",
    "no": "Europe/Oslo",
    "np": "Asia/Kathmandu",
    "nz": "Pacific/Auckland",
    "pe": "America/Lima",
    "ph": "Asia/Manila",
    "pk": "Asia/Karachi",
    "pl": "Europe/Warsaw",
    "pt": "Europe/Lisbon",
    "ro": "Europe/Bucharest",
    "rs": "Europe/Belgrade",
    "sa": "Asia/Riyadh",
    "se": "Europe/Stockholm",
    "sg": "Asia/Singapore",
    "si": "Europe/Ljubljana",
    "sk": "Europe/Bratislava",
    "th": "Asia/Bangkok",
    "tr": "Europe/Istanbul",
    "tw": "Asia/Taipei",
    "tz": "Africa/Dar_es_Salaam",
    "ua": "Europe/Kyiv",
    "ug": "Africa/Kampala",
    "uk": "Europe/London",
    "ve": "America/Caracas",
    "vn": "Asia/Ho_Chi_Minh",
    "za": "Africa/Johannesburg",
}
# top-level domains that are sold to the world at large
_SOLD = frozenset({"co", "in", "is"})
# languages that are written in one time zone, or nearly so
_LANGUAGES = {
    "bg": "bg",
    "cs": "cz",
    "da": "dk",
    "de": "de",
    "el": "gr",
    "et": "ee",
    "fi": "fi",
    "fr": "fr",
    "he": "il",
    "hi": "in",
    "hr": "hr",
    "hu": "hu",
    "id": "id",
    "is": "is",
    "it": "it",
    "ja": "jp",
    "ko": "kr",
    "lt": "lt",
    "lv": "lv",
    "nb": "no",
    "nl": "nl",
    "no": "no",
    "pl": "pl",
    "ro": "ro",
    "sk": "sk",
    "sl": "si",
    "sv": "se",
    "th": "th",
    "tr": "tr",
    "uk": "ua",
    "vi": "vn",
}
_LOCALE = re.compile(r"\s*([a-z]{2})(?:[-_](?:[a-z]{4}[-_])?([a-z]{2}))?(?![a-z])", re.IGNORECASE)


def zone_of(host: str, locales: Iterable[str]) -> tzinfo:
    """The zone of a site: `host` as in its URL, `locales` as its pages declare them (ko, en-GB, pt_BR).

    en-US, which many systems say of any page, names no country here.
    """
    top = host.partition(":")[0].rpartition(".")[2].lower()
    if top in _COUNTRIES and top not in _SOLD:
        return _zone(_COUNTRIES[top])
    told = [match.groups() for match in map(_LOCALE.match, locales) if match]
    for _, country in told:
        if country and country.lower() in _COUNTRIES:
            return _zone(_COUNTRIES[country.lower()])
    for language, _ in told:
        if language.lower() in _LANGUAGES:
            return _zone(_COUNTRIES[_LANGUAGES[language.lower()]])
    return _zone(_COUNTRIES[top]) if top in _COUNTRIES else UTC


@cache
def _zone(name: str) -> tzinfo:
    return ZoneInfo(name)
