"""Lines that newsrooms set below or between an article's paragraphs, and that say nothing of its matter.

Only what is a whole line of its own counts: the same words within a paragraph are the article's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_LINES = re.compile(
    r"(?:"
    # Korean: reporters' addresses, notices of buttons, links to other articles, the sources of pictures
    r"[<\[(▶☞▲■◆\s]*(?:ⓒ|©|all rights reserved).{0,120}"
    r"|\S{2,12}\s*(?:기자|특파원|PD|앵커|논설위원)?\s*[(\[]?[\w.+-]+@[\w-]+(?:\.[\w-]+)+[)\]]?"
    r"|.{0,40}(?:URL이|주소가|링크가)\s*복사되었습니다\.?"
    r"|[▶☞►]\s?.{0,80}(?:기사|영상|동영상|뉴스|더\s?보기|보러\s?가기|바로\s?가기|구독|제보|클릭|채널|홈페이지"
    r"|카카오톡|네이버)"
    r"(?:하기|\s?(?:더\s?)?보기|하세요|에서 확인.{0,20}|로 바로가기)?[.!]?|[▶☞►].{0,80}(?:https?://|www\.|@).{0,120}"
    r"|[\[<【]?\s?(?:관련|추천|인기|많이 본|주요)\s*(?:기사|뉴스)\s?[\]>】]?[:.]?(?:\s?(?:더\s?)?보기)?"
    r"|[\[(（<]?\s?(?:사진|자료|영상|그래픽)\s?[=:/ㅣ|]\s?.{1,40}"
    # Japanese: buttons, notices of paid articles
    r"|.{0,20}残り[\d,]+(?:文字|字).{0,60}"
    r"|会員限定(?:記事|コンテンツ)?(?:です)?。?"
    r"|完了しました|(?:記事を)?(?:保存|印刷|コピー)(?:する|しました)?"
    r"|(?:この記事は)?有料(?:会員限定)?記事(?:です)?[。.]?"
    r"|.{0,20}禁無断.{0,40}|[【［\[]?(?:関連記事|あわせて読みたい"
    r"|続きを読む|もっと見る"
    r"|おすすめ記事)[】］\]]?[:：]?.{0,20}"
    r"|国際ニュースを英語で読む"
    # Chinese: other articles, editors
    r"|[【\[（(]?(?:延伸[閱阅][讀读]|相[關关][閱阅][讀读新聞闻]+|推[薦荐][閱阅][讀读]"
    r"|更多新[聞闻])[】\]）)]?.{0,60}(?<!。)|[（(]?[責责]任[編编][輯辑].{0,20}(?<!。)"
    # English: invitations to other pages
    r"|(?:more|read more|read also|read next|related|see also|also read|up next|watch(?: now)?|listen)\s*[:>"
    r"|].{0,200}"
    r"|the thomson reuters trust principles\b.{0,80}|our standards\s?:.{0,120}"
    r"|(?:related (?:articles?|stories|topics|news|coverage|content|posts|links)|you (?:may"
    r"|might) (?:also )?(?:also )?like"
    r"|recommended(?: for you| reading| stories)?|most (?:read|popular|viewed)|trending(?: now)?|latest (?:news"
    r"|stories|headlines)"
    r"|editor['’]?s['’]? picks?|top stories|share this (?:article|story)|(?:\d+|view|show|load|add a"
    r"|leave a)? ?comments?"
    r"|topics|tags|read (?:more|next|also)|load more|show more|sign up|subscribe(?: now)?|(?:skip"
    r"|scroll) .{0,30}advertisement"
    r"|article continues (?:below|after).{0,40}|more (?:from|on|about) (?-i:[A-Z])[^.!?]{0,40})\s*[:>]?"
    r"|advertisement|story continues(?: below)?.{0,40}|share (?:this|on)\b.{0,60}(?<![.!?])|©.{0,120}"
    r"|(?:photo|image|picture|foto|bild|credit)s?(?: credits?)?\s?[:/]\s?.{1,80}"
    # German, French, Spanish, Portuguese, Italian, Dutch, Nordic, Polish, Turkish, Indonesian, Russian
    r"|(?:lesen sie (?:auch|hier|dazu)|mehr (?:zum thema|dazu)|auch interessant|zum thema"
    r"|(?:à )?lire (?:aussi|également)|à voir aussi|"
    r"l[ée]a (?:también|más)|lee también|(?:te|le) puede interesar|más información|leia (?:também|mais)"
    r"|veja também|leggi anche|"
    r"lees ook|bekijk ook|läs (?:också|mer|även)|les (?:også|mer)|læs også|lue myös|czytaj (?:też|także"
    r"|również|więcej)|zobacz (?:też|także|również)|"
    r"(?:ayrıca )?(?:bakınız|okuyun)|ilgili haber(?:ler)?|baca juga|xem thêm|читайте также"
    r"|читать также)\s*[:>|–-].{0,200}"
    r"|(?:anzeige|werbung|publicité|publicidad|publicidade|pubblicità|advertentie|annons|annonse|annonce"
    r"|mainos|reklama?|iklan|реклама)"
    r"|(?:auch interessant|mehr zum thema|lire aussi|à lire aussi|lea también|leia também|leggi anche"
    r"|lees ook|baca juga|читайте также)"
    r"|.{0,40}(?:riproduzione riservata|alle rechte vorbehalten|tous droits réservés"
    r"|todos los derechos reservados|все права защищены).{0,40}"
    # marks that a newsroom's system sets for its advertisements
    r"|\$\$\w{2,40}\$\$|\{\{[\w\s]{2,40}\}\}"
    r"|this is a breaking (?:news? )?story\b.{0,100}"
    r")",
    re.IGNORECASE,
)
# how a picture's caption ends; what newspapers tell of the past before a source is the article's
_SOURCES = re.compile(
    r"(?:[\[(（<]\s?(?:사진|자료|그래픽)\s?[=:ㅣ|]\s?[^\])）>]{1,40}[\])）>]"
    r"|(?<![했혔됐였었았렸졌갔왔]다\.)(?<![했혔됐였었았렸졌갔왔]다)[\s/.]사진(?:\s?제공)?\s?[=:ㅣ|]\s?[^.!?]{1,30}|ⓒ\s?\S{2,12}"
    r"|[（(＝=]\s?\S{2,12}(?:撮影|提供)[）)]?|\((?:photo|image|picture)s?(?: by|:| credit)[^()]{1,60}\)\.?)$",
    re.IGNORECASE,
)
_LONGEST_CAPTION = 200
_LONGEST_SOURCE = 80
# notices and invitations in words that an article's sentences may begin with, too
_NOTICES = re.compile(
    r"(?:"
    # Korean: copyright, how to reach the newsroom
    r"[<\[(▶☞▲■◆\s]*(?:저작권자(?=\s*[ⓒ©(<:]|.{0,60}(?:무단|금지|재배포))|무단\s*전재(?=.{0,60}금|$)).{0,120}"
    r"|[\w\s]{0,20}(?:제보|구독)(?:하기|를 받습니다|를 기다립니다).{0,60}"
    # Japanese: paid articles, copyright
    r"|この(?:記事|コンテンツ|続き)は.{0,20}(?:有料|会員|登録).{0,80}"
    r"|.{0,30}有料会員(?:になると|に登録すると|登録(?:すると|で|が必要|はこちら)|の方は|限定).{0,80}"
    r"|.{0,20}(?:ログイン|会員登録|無料登録)(?:する|して|はこちら|が必要|で|すると).{0,12}(?:続き|記事|読"
    r"|ください|こちら).{0,40}"
    r"|.{0,40}(?:記事|コンテンツ)(?:が|を|も).{0,6}読み放題.{0,40}"
    r"|.{0,80}無断(?:転載|複写|複製|使用|引用).{0,20}(?:禁|断り|できません|ご遠慮).{0,160}"
    # English: copyright, lists and letters, other pages
    r"|copyright\s?(?:©|\(c\)|:|(?:19|20)\d\d\b|.{0,60}\breserved\b).{0,120}|copyright(?: (?-i:[A-Z])[\w.&]+){1,4}"
    r"|(?:sign up|subscribe|register)\b.{0,40}\b(?:newsletters?|alerts?|inbox|e-?mails?)\b.{0,120}"
    r"|(?:(?:follow|like|find) (?:us|me)|follow (?-i:@?[A-Z])\w*(?: \w+){0,3})\b.{0,20}\bon "
    r"(?:twitter|facebook|instagram|whatsapp|x|telegram|linkedin|tiktok|google news)\b.{0,160}"
    r"|(?:subscribe|sign in|log in|register|join|become a (?:member|subscriber))\b.{0,60}\b(?:to|and) (?:read"
    r"|continue|access|unlock|see|get)\b.{0,100}"
    r"|already (?:(?:a |an )?(?:subscriber|member|subscribed|registered)|have an account)\b"
    r"(?:\s?[?:.!].{0,80}|,? (?:log|sign) in\b.{0,60})?"
    r"|(?:got|have) a (?:story|tip|news tip)\b.{0,80}\b(?:e-?mail|contact|call|text|send|submit|share it|message"
    r"|tell us|let us|get in touch|click|whatsapp)\b.{0,120}"
    r"|get in touch(?: (?:with (?:us|our|the)|by|at|via)\b.{0,200}|[:?!.]?)"
    r"|for more stories like this\b.{0,80}|(?:click|tap) here\b.{0,120}|share this (?:article|story|page|post)\b.{0,60}"
    # German, French
    r"|(?:jetzt|hier) (?:weiterlesen|abonnieren|anmelden|registrieren)\b.{0,60}|(?:déjà abonné|je m['’]abonne"
    r"|s['’]abonner)\b.{0,60}"
    r")",
    re.IGNORECASE,
)
# how such a sentence shows that it is the article's: somebody says it, or it is told as newspapers tell
_TOLD = re.compile(
    r"[,”\"] (?:\w+ ){0,4}(?:said|says|say|told|tells|added|wrote|argued?|found)\b"
    r"|[^니]다[.\"”]*$|(?<!まし)た。$|(?:だ|という|ている)。$",
    re.IGNORECASE,
)
_LONGEST = 320
# what a line of its own that only says who wrote an article and when is made of, besides names
_CREDITS = re.compile(
    r"\b(?:by|von|par|por|di|da|door|af|av|written|text|story|published|posted|updated|modified|created|last"
    r"|first|on|at|and|und|et|"
    r"y|e|le|el|il|am|um|uhr|staff|senior|chief|writer|reporter|correspondent|editor|min|mins|minutes?|read"
    r"|of|the|a|p|m|pm|"
    r"gmt|utc|bst|est|edt|et|pst|pdt|cet|cest|kst|jst|ist|(?:mon|tues|wednes|thurs|fri|satur|sun)(?:day)?|tue"
    r"|wed|thu|sat|"
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)\b"
    r"|기자|특파원|입력|수정|등록|승인|작성|업데이트|오전|오후|記者|公開|更新|配信|午前|午後"
    r"|[年月日時分秒년월일시분초]|[\d\W_]+",
    re.IGNORECASE,
)
_LONGEST_CREDIT = 120
_BIOGRAPHY = re.compile(
    r"(?:,.{0,80},)?\s(?:is|was|covers|writes|reports|joined|works|has (?:been|written|covered|worked))\b"
)


def is_boilerplate(line: str) -> bool:
    """Whether a line is none of the article's."""
    if len(line) > _LONGEST:
        return False
    line = line.strip()
    if len(line) <= _LONGEST_CAPTION and _SOURCES.search(line, max(1, len(line) - _LONGEST_SOURCE)):
        return True
    return _LINES.fullmatch(line) is not None or (_NOTICES.fullmatch(line) is not None and not _TOLD.search(line))


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


def is_biography(line: str, names: Iterable[str]) -> bool:
    """Whether a line tells who one of `names`, the writers, is, as the end of an article may."""
    return any(line.startswith(name) and _BIOGRAPHY.match(line, len(name)) for name in names)
