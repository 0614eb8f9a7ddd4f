"""Lines that newsrooms set below or between an article's paragraphs, and that say nothing of its matter.

Only what is a whole line of its own counts: the same words within a paragraph are the article's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_LINES = re.compile(
    r"(?:"
    # Korean: copyright, reporters' addresses, notices of buttons, links to other articles
    r"[<\[(ⓒ©▶☞▲■◆\s]*(?:저작권자|무단\s*전재|ⓒ|©|copyright\b|all rights reserved).{0,120}"
    r"|\S{2,12}\s*(?:기자|특파원|PD|앵커|논설위원)?\s*[(\[]?[\w.+-]+@[\w-]+(?:\.[\w-]+)+[)\]]?"
    r"|.{0,40}(?:URL이|주소가|링크가)\s*복사되었습니다\.?"
    r"|[▶☞►]\s?.{0,120}|[\w\s]{0,20}(?:제보|구독)(?:하기|를 받습니다|를 기다립니다).{0,60}"
    r"|(?:관련|추천|인기|많이 본)\s*(?:기사|뉴스).{0,20}"
    # Japanese: buttons, notices of paid articles, copyright
    r"|.{0,60}(?:有料会員|会員限定|有料記事|読み放題|無料登録|会員登録).{0,120}"
    r"|完了しました|(?:記事を)?(?:保存|印刷|コピー)(?:する|しました)?|(?:この記事は)?有料(?:会員限定)?記事.{0,40}"
    r"|.{0,20}(?:無断転載|無断複写).{0,40}|(?:関連記事|あわせて読みたい|続きを読む|もっと見る).{0,20}|国際ニュースを英語で読む"
    # English: invitations to other pages, lists and letters
    r"|(?:more|read more|read also|read next|related|see also|also read|up next|watch(?: now)?|listen)\s*[:>|].{0,200}"
    r"|(?:sign up|subscribe|register)\b.{0,40}\b(?:newsletters?|alerts?|inbox|e-?mails?)\b.{0,120}"
    r"|(?:follow|like|find)\b.{0,60}\bon (?:twitter|facebook|instagram|whatsapp|x|telegram)\b.{0,260}"
    r"|(?:got|have) a (?:story|tip|news tip)\b.{0,200}|get in touch\b.{0,200}|for more stories like this\b.{0,80}"
    r"|(?:our standards|the thomson reuters trust principles)\b.{0,80}|(?:click|tap) here\b.{0,120}"
    r"|advertisement|story continues(?: below)?.{0,40}|share (?:this|on)\b.{0,60}|©.{0,120}"
    # marks that a newsroom's system sets for its advertisements
    r"|\$\$\w{2,40}\$\$|\{\{[\w\s]{2,40}\}\}"
    r"|this is a breaking (?:news? )?story\b.{0,100}"
    r")",
    re.IGNORECASE,
)
_LONGEST = 320
# what a line of its own that only says who wrote an article and when is made of, besides names
_CREDITS = re.compile(
    r"\b(?:by|von|par|por|di|da|door|af|av|written|text|story|published|posted|updated|modified|created|last|first|on|at|and|und|et|"
    r"y|e|le|el|il|am|um|uhr|staff|senior|chief|writer|reporter|correspondent|editor|min|mins|minutes?|read|of|the|a|p|m|pm|"
    r"gmt|utc|bst|est|edt|et|pst|pdt|cet|cest|kst|jst|ist|(?:mon|tues|wednes|thurs|fri|satur|sun)(?:day)?|tue|wed|thu|sat|"
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)\b"
    r"|기자|특파원|입력|수정|등록|승인|작성|업데이트|오전|오후|記者|公開|更新|配信|午前|午後|[年月日時分秒년월일시분초]|[\d\W_]+",
    re.IGNORECASE,
)
_LONGEST_CREDIT = 120


def is_boilerplate(line: str) -> bool:
    """Whether a line is none of the article's."""
    return len(line) <= _LONGEST and _LINES.fullmatch(line.strip()) is not None


def without(lines: Iterable[str]) -> list[str]:
    """The lines that are the article's."""
    return [line for line in lines if not is_boilerplate(line)]


def is_credit(line: str, names: Iterable[str]) -> bool:
    """Whether a line says no more than that one of `names` wrote the article, or when."""
    if len(line) > _LONGEST_CREDIT:
        return False
    rest = line.casefold()
    told = [name.casefold() for name in names if name.casefold() in rest]
    for name in told:
        rest = rest.replace(name, " ")
    # a number alone, or a word such as "Updated", may be a heading; a date has digits and words, a byline a name
    dated = re.search(r"\d", line) is not None and re.search(r"[^\W\d_]|:", line) is not None
    return (bool(told) or dated) and len(line) > 4 and not _CREDITS.sub("", rest)
