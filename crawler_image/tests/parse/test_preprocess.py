"""Each step of preparing an article, and what is computed from it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newscrawl import preprocess
from newscrawl.model import Article

ENGLISH = "The harbour opened again on Friday after three weeks of work on the northern pier, the authority said."
KOREAN = "항구가 석 주 동안의 공사를 마치고 금요일에 다시 열렸다고 항만 당국이 밝혔다."
JAPANESE = "港は三週間の工事を終えて金曜日に再び開かれたと当局が発表した。"


def article(*paragraphs: str, title: str = "Harbour", **values: object) -> Article:
    return replace(
        Article(
            url="https://daily.example/1", canonical_url="https://daily.example/1", title=title, paragraphs=paragraphs
        ),
        **values,
    )


def test_normalise():
    made = preprocess.normalise(
        article(
            "한글\u00a0 두\u200b 칸 ",
            " \u3000 ",
            title=" 한\n글 ",
            authors=("Jane  Doe", " "),
            section=" News ",
            keywords=("e\u0301",),
        )
    )
    assert made.paragraphs == ("한글 두 칸",)
    assert (made.title, made.authors, made.section, made.keywords) == ("한 글", ("Jane Doe",), "News", ("é",))


@pytest.mark.parametrize(
    "line",
    [
        "저작권자 ⓒ 두레신문, 무단 전재 및 재배포 금지",
        "<저작권자(c) 강문신문. 무단전재-재배포 금지>",
        "김한빛 기자 kim@daily.example",
        "기사 URL이 복사되었습니다.",
        "▶ 관련 기사 보기",
        "無断転載を禁じます",
        "この記事は有料記事です。残り500文字",
        "Read more: Storm damages sea wall",
        "MORE : Storm damages sea wall",
        "Sign up to our newsletter for more",
        "Follow The Daily on Twitter and Facebook.",
        "© 2026 The Daily",
        "Advertisement",
        "▶ 네이버에서 하루신문 구독하기",
        "[관련기사]",
        "관련 뉴스",
        "사진=하루신문",
        "금요일 아침 항구로 돌아오는 고깃배들 [사진=하루신문 제공]",
        "有料会員になると続きをお読みいただけます。",
        "ログインして続きを読む",
        "【関連記事】",
        "残り1,234文字",
        "相關閱讀：海港重新開放",
        "Follow us on X, Facebook and Instagram for more.",
        "Photo: Jane Doe / The Daily",
        "Boats come back on Friday (Photo by Jane Doe/The Daily)",
        "Subscribe to the Daily to read this story to its end.",
        "Already a subscriber? Log in",
        "Jetzt abonnieren und weiterlesen",
        "Lesen Sie auch: Sturm am Deich",
        "Mehr zum Thema",
        "À lire aussi : La tempête au port",
        "Lea también: La tormenta en el puerto",
        "Leggi anche > La tempesta al porto",
        "Baca juga: Badai di pelabuhan",
        "Anzeige",
        "PUBLICIDAD",
        "저작권자 © 하루신문 무단전재 및 재배포 금지",
        "무단전재-재배포 금지",
        "무단 전재와 재배포를 금합니다.",
        "제보하기 02-000-0000",
        "Copyright © 2026 The Daily. All rights reserved.",
        "Copyright 2026 The Daily",
        "Copyright The Daily",
        "Already have an account? Sign in here.",
        "Already a member? Log in",
        "Join now to read the rest of this story.",
        "Register for free to continue reading",
        "Share on Facebook",
        "Share this article with your friends!",
        "Have a story? E-mail us at desk@daily.example",
        "Got a tip? Contact our reporters.",
        "Click here for more on the harbour.",
        "Our Standards: The Daily's principles",
        "Read more: The storm was the worst in years, mayor says",
        "更多新聞：海港重新開放",
        "（責任編輯：王小明）",
        "금요일 아침 항구로 돌아오는 고깃배들. 사진=하루신문",
        "금요일 아침 항구로 돌아오는 고깃배들 /사진=하루1",
        "금요일 아침 항구로 돌아오는 고깃배들. 사진 제공=하루시청",
        "금요일 아침 항구로 돌아오는 고깃배들 ⓒ하루신문",
        "金曜日の朝、港に戻る漁船（松岡太郎撮影）",
        "金曜日の朝、港に戻る漁船＝松岡太郎撮影",
    ],
)
def test_boilerplate_goes(line):
    assert preprocess.without_boilerplate(article(ENGLISH, line)).paragraphs == (ENGLISH,)


@pytest.mark.parametrize(
    "line",
    [
        ENGLISH,
        "More than 300 people came to see it.",
        "Follow the money, the prosecutor said, and it leads to the pier.",
        "Related companies paid less tax.",
        "기자들이 물었지만 그는 대답하지 않았다.",
        "저작권은 작가에게 있다고 법원은 판단했다. 출판사는 항소하겠다고 밝혔다.",
        "Share prices fell by a third.",
        "“Watch out for the waves,” she said.",
        "動画配信の会社は、有料会員の数が三月末の時点で二億人を超えたと発表した。",
        "同社は動画の読み放題サービスを始める。",
        "会員限定の催しには百人が集まった。",
        "利用するにはログインする必要があると同社は説明した。",
        "▶ 언제부터 글을 쓰기 시작했나요?",
        "▶ 항구는 금요일에 다시 문을 열었다.",
        "관련 뉴스를 보고 깜짝 놀랐다.",
        "사진은 그날 항구에서 찍혔다.",
        "Like many politicians, Mr Smith announced on X that the harbour would open again.",
        "Find yourself stuck on Facebook for hours, and you will know what she means.",
        "Follow-up posts on X suggested that the boats were late.",
        "Follow the money on Telegram, the prosecutor said.",
        "Get in touch with nature, the poster says.",
        "Mehr zum Thema sagte er am Freitag nicht.",
        "Anzeigen wurden am Freitag nicht erstattet.",
        "Publicidad y noticias no son lo mismo.",
        "Copyright lawyers say the ruling changes everything for artists.",
        "Copyright law of 1976 protects them, the court found.",
        "저작권자들은 반발했다.",
        "저작권자 보호를 위한 법안이 국회를 통과했다.",
        "저작권자들은 무단 복제를 금지해 달라고 요구했다.",
        "무단 전재를 막기 위한 대책이 필요하다고 그는 말했다.",
        "시민들은 방송국에 제보하기 시작했다.",
        "Already a member of NATO, Turkey has opposed the bid.",
        "Register voters and get them to the polls, activists say.",
        "Join the army to see the world, the poster said.",
        "Share on Monday rose 3%.",
        "Have a story to tell? Not everyone does.",
        "Sign up for alerts, he told residents.",
        "Click here, he said, and the money is gone.",
        "Our standards have slipped, the minister said.",
        "同社は記事の無断転載を禁じる方針を示した。",
        "更多新聞工作者加入了星期五的抗議行動。",
        "그는 ⓒ 표시가 없는 사진은 쓰지 않는다고 말했다.",
        "배는 금요일에 항구로 돌아왔다. 사진=하루신문",
        "사진이 찍힌 곳은 항구였다. 사진을 찍은 사람은 상인이었다.",
    ],
)
def test_the_articles_own_lines_stay(line):
    assert preprocess.without_boilerplate(article(line, ENGLISH)).paragraphs == (line, ENGLISH)


def test_a_text_of_boilerplate_alone_stays():
    made = article("Advertisement")
    assert preprocess.without_boilerplate(made) == made


def test_repeats_stand_once():
    assert preprocess.without_repeats(article("a", "a", "b", "a")).paragraphs == ("a", "b", "a")


@pytest.mark.parametrize(("text", "language"), [(ENGLISH, "en"), (KOREAN, "ko"), (JAPANESE, "ja")])
def test_language(text, language):
    assert preprocess.with_language(article(text)).language == language
    assert preprocess.with_language(article(text, language="de")).language == "de"


@pytest.mark.parametrize(("text", "language"), [(ENGLISH * 3, "en"), (KOREAN * 6, "ko"), (JAPANESE * 8, "ja")])
@pytest.mark.parametrize("declared", ["en", "ko", "ja", "zh"])
def test_a_declared_language_that_is_written_otherwise(text, language, declared):
    assert preprocess.with_language(article(text, language=declared)).language == language


def test_a_declared_language_that_may_be_right_stays():
    assert preprocess.with_language(article(ENGLISH * 3, language="de")).language == "de"
    assert preprocess.with_language(article(KOREAN * 3 + ENGLISH * 3, language="ko")).language == "ko"
    assert preprocess.with_language(article("Гавань снова открылась в пятницу. " * 9, language="ru")).language == "ru"


def test_counts_and_reading_time():
    made = preprocess.preprocess(article(" ".join(["word"] * 238), language="en"), None)
    assert (made.words, made.characters, made.reading_seconds) == (238, 238 * 5 - 1, 60)
    made = preprocess.preprocess(article("가" * 400, language="ko"), None)
    assert (made.words, made.characters, made.reading_seconds) == (1, 400, 60)


def test_the_hash_is_that_of_title_and_text():
    made = preprocess.preprocess(article(ENGLISH), None)
    assert len(made.content_hash) == 64
    assert preprocess.preprocess(article(ENGLISH + "  "), None).content_hash == made.content_hash
    assert preprocess.preprocess(article(ENGLISH, title="Harbor"), None).content_hash != made.content_hash
    assert preprocess.preprocess(article(ENGLISH[1:]), None).content_hash != made.content_hash


def distance(one: Article, other: Article) -> int:
    first, second = preprocess.preprocess(one, None), preprocess.preprocess(other, None)
    return (first.simhash ^ second.simhash).bit_count()


def test_long_texts_are_near_when_they_differ_in_a_sentence():
    words = [f"boat{number} came back on day {number * 7}" for number in range(400)]
    first = preprocess.preprocess(article(" ".join(words)), None)
    second = preprocess.preprocess(article(" ".join([*words[:200], "nobody was hurt", *words[200:]])), None)
    other = preprocess.preprocess(article(" ".join(f"train{n} left platform {n * 3}" for n in range(400))), None)
    assert (first.simhash ^ second.simhash).bit_count() <= 6
    assert (first.simhash ^ other.simhash).bit_count() > 12


def test_simhash_is_near_for_near_texts_only():
    long = tuple(f"{KOREAN} {number}번째 부두의 이야기." for number in range(20))
    edited = (*long[:-1], long[-1].replace("이야기", "소식"))
    other = tuple(f"시장에는 아침부터 사람이 많았다. 상인 {number}명이 자리를 지켰다." for number in range(20))
    assert distance(article(*long), article(*edited)) <= 3
    assert distance(article(*long), article(*other)) > 10
    assert 0 <= preprocess.preprocess(article(*long), None).simhash < 2**64


@given(st.lists(st.text(max_size=40), max_size=5), st.text(max_size=20))
def test_preparing_twice_changes_nothing(paragraphs, title):
    once = preprocess.preprocess(article(*paragraphs, title=title, language="en"), None)
    assert preprocess.preprocess(once.article, None) == once
