"""The words of dates: months in the languages of news sites, and the abbreviations of time zones that they write."""

from __future__ import annotations

from datetime import tzinfo

from dateutil import tz

# a month's names in English, German, French, Spanish, Portuguese, Italian, Dutch, the Nordic languages, Polish,
# Turkish, Indonesian and Russian as they are written; no name means one month here and another there
_NAMES = (
    "january jan januar jänner janvier janv enero ene janeiro gennaio gen januari januari tammikuuta styczeń "
    "stycznia ocak oca января янв",
    "february feb februar feber février févr fév febrero fevereiro fev febbraio februari helmikuuta luty "
    "lutego şubat şub февраля фев",
    "march mar märz mär mrz mars marzo março maart mrt marts maaliskuuta marzec marca mart maret марта мар",
    "april apr avril avr abril abr aprile huhtikuuta kwiecień kwietnia nisan nis апреля апр",
    "may mai mayo maio maggio mag mei maj toukokuuta mayıs мая май",
    "june jun juni juin junio junho giugno giu kesäkuuta czerwiec czerwca haziran haz июня июн",
    "july jul juli juillet juil julio julho luglio lug heinäkuuta lipiec lipca temmuz tem июля июл",
    "august aug août agosto ago augustus augusti elokuuta sierpień sierpnia ağustos ağu agustus agt августа авг",
    "september sept sep septembre septiembre setiembre setembro set settembre syyskuuta wrzesień września "
    "eylül eyl сентября сен",
    "october oct oktober okt octobre octubre outubro out ottobre ott lokakuuta październik października ekim "
    "eki октября окт",
    "november nov novembre noviembre novembro marraskuuta listopad listopada kasım kas ноября ноя",
    "december dec dezember dez décembre déc diciembre dic dezembro dicembre desember des joulukuuta grudzień "
    "grudnia aralık ara desember декабря дек",
)
MONTHS = {name: number for number, line in enumerate(_NAMES, 1) for name in line.split()}


def _hours(number: float) -> tzinfo:
    return tz.tzoffset(None, round(number * 3600))


# what several countries call alike (CST, IST) means the place that most of such pages are from
ZONES: dict[str, tzinfo | None] = {
    "Z": tz.UTC,
    "UTC": tz.UTC,
    "GMT": tz.UTC,
    "BST": tz.gettz("Europe/London"),
    "WET": _hours(0),
    "WEST": _hours(1),
    "CET": _hours(1),
    "MEZ": _hours(1),
    "CEST": _hours(2),
    "MESZ": _hours(2),
    "EET": _hours(2),
    "EEST": _hours(3),
    "MSK": _hours(3),
    "TRT": _hours(3),
    "GST": _hours(4),
    "PKT": _hours(5),
    "IST": _hours(5.5),
    "WIB": _hours(7),
    "ICT": _hours(7),
    "WITA": _hours(8),
    "HKT": _hours(8),
    "SGT": _hours(8),
    "PHT": _hours(8),
    "WIT": _hours(9),
    "KST": tz.gettz("Asia/Seoul"),
    "JST": tz.gettz("Asia/Tokyo"),
    "ACST": _hours(9.5),
    "AWST": _hours(8),
    "AEST": _hours(10),
    "AEDT": _hours(11),
    "NZST": _hours(12),
    "NZDT": _hours(13),
    "SAST": _hours(2),
    "CAT": _hours(2),
    "EAT": _hours(3),
    "WAT": _hours(1),
    "BRT": _hours(-3),
    "ART": _hours(-3),
    "EST": _hours(-5),
    "EDT": _hours(-4),
    "ET": tz.gettz("America/New_York"),
    "CST": _hours(-6),
    "CDT": _hours(-5),
    "CT": tz.gettz("America/Chicago"),
    "MST": _hours(-7),
    "MDT": _hours(-6),
    "MT": tz.gettz("America/Denver"),
    "PST": _hours(-8),
    "PDT": _hours(-7),
    "PT": tz.gettz("America/Los_Angeles"),
    "AKST": _hours(-9),
    "AKDT": _hours(-8),
    "HST": _hours(-10),
}
