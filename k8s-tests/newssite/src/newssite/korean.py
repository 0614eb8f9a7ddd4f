"""Korean news prose from small word lists: invented towns, offices, firms and people, with the particles right.

Particles depend on the last sound of the word before them, so that words are `Word`s whose format spec names the
particle: `f"{town:은}"` is '한솔시는' or '가람군은'.
"""

from __future__ import annotations

from random import Random

from newssite.article import Reporter, Text

_PARTICLES = {"은": "는", "이": "가", "을": "를", "과": "와", "으로": "로", "이라": "라", "이나": "나"}


class Word(str):
    """A Korean word that takes particles: the format spec is the form after a consonant (은, 이, 을, 과, 으로 ...)."""

    def __format__(self, particle: str) -> str:
        """The word with the right form of the particle."""
        if not particle:
            return str(self)
        tail = (ord(self[-1]) - 0xAC00) % 28
        after_vowel = tail == 0 or (particle == "으로" and tail == 8)  # 8: a final ㄹ takes 로
        return str(self) + (_PARTICLES[particle] if after_vowel else particle)


def _words(text: str) -> tuple[Word, ...]:
    return tuple(Word(part.strip()) for part in text.split(","))


TOWNS = _words("한솔시, 가람군, 너울구, 푸른솔시, 달빛군, 여울시, 새벽동, 은하구, 물빛시, 단비군, 하늬시, 미리내군")
FAMILY = "김이박최정강조윤장임한오서신권황안송류홍"
# given names with their spelling in addresses
GIVEN = {
    "가온": "gaon", "나래": "narae", "다솜": "dasom", "라온": "raon", "마루": "maru", "보람": "boram", "새롬": "saerom",
    "아람": "aram", "예솔": "yesol", "은결": "eungyeol", "지음": "jieum", "하람": "haram", "한결": "hangyeol",
    "도담": "dodam", "슬기": "seulgi", "시원": "siwon", "이든": "ideun", "찬솔": "chansol", "태오": "taeo",
    "해든": "haedeun", "서연": "seoyeon", "민준": "minjun", "지우": "jiu", "현서": "hyeonseo",
}  # fmt: skip
TITLES = _words("연구원, 과장, 교수, 대표, 위원장, 팀장, 센터장, 국장, 소장, 이사")

# section -> offices that act, things that they do it to, and words for keywords
TOPICS: dict[str, tuple[tuple[Word, ...], tuple[Word, ...]]] = {
    "경제": (
        _words("지역경제진흥원, 상공회의소, 중소기업지원센터, 펲솔테크, 누리은행, 소상공인연합회, 물류협회, 똠방식품"),
        _words("수출 보험, 청년 창업 자금, 전통시장 상품권, 공동 물류 창고, 전기차 부품, 수제 간장, 지역 화폐"),
    ),
    "사회": (
        _words("시민안전과, 소방본부, 교육지원청, 보건소, 자원봉사센터, 교통정책과, 마을공동체지원단, 도로관리사업소"),
        _words("통학로 정비, 야간 진료소, 빗물 저류지, 무료 급식, 골목 가로등, 자전거 도로, 어르신 일자리, 재난 문자"),
    ),
    "문화": (
        _words("시립미술관, 문화재단, 작은도서관협의회, 쑛다리극단, 국악관현악단, 영상위원회, 향토사연구회, 찦차밴드"),
        _words("거리 공연, 낭독회, 도자기 전시, 독립 영화제, 한지 공예, 판소리 완창, 골목 사진전, 동화책 축제"),
    ),
    "과학": (
        _words("해양연구소, 기상과학원, 식물유전연구단, 로봇기술원, 천문대, 펲시맨연구실, 신소재센터"),
        _words("갯벌 탄소 지도, 소형 위성, 가뭄 예측 모형, 돌봄 로봇, 토종 밀 유전체, 조류 발전기, 별빛 관측"),
    ),
    "스포츠": (
        _words("체육회, 여자배구단, 유소년축구단, 육상연맹, 조정협회, 햏볕야구단, 탁구동호회, 장애인체육회"),
        _words("전국 대회, 합숙 훈련, 하프 마라톤, 신인 선발, 친선 경기, 생활체육 교실, 잔디 구장, 개막전"),
    ),
}
SECTIONS = tuple(TOPICS)

_DEEDS = _words("시범 운영, 예산안, 중장기 계획, 공동 조사, 업무 협약, 공개 토론회, 현장 점검, 지원 사업, 개선 대책")
_GAINS = _words("참여자, 이용 건수, 신청자, 방문객, 문의, 만족도, 거래량, 회원")
_PLACES = _words("시민회관, 중앙광장, 강변공원, 구청 대강당, 옛 역사, 항구 창고, 산업단지, 도서관 열람실")
_REASONS = _words("원자재 가격, 인구 변화, 기후 변화, 주민 요청, 안전 문제, 예산 사정, 기술 발전, 계절 수요")

_OPENINGS = (
    "{town} {office:은} {day}일 {place}에서 {thing} {deed:을} 공개했다.",
    "{town:이} 추진해 온 {thing} {deed:이} {day}일 첫발을 뗐다.",
    "{town} {office:이} 올해 말까지 {thing} {deed:을} 마무리하기로 했다.",
    "{thing:을} 둘러싼 {town}의 {deed:이} 새 국면을 맞았다.",
)
_FACTS = (
    "{office}에 따르면 올해 {gain:은} 지난해 같은 기간보다 {pct}.{tenth}% 늘었다.",
    "사업비는 모두 {won}억 {small}천만 원이며, 이 가운데 {pct}%를 {town:이} 부담한다.",
    "{place}에는 이른 아침부터 주민 {people}여 명이 모였다.",
    "{gain:은} {small}년 전 {people}에서 올해 {more}까지 올라갔다.",
    "다만 {reason:이} 변수로 남아 있어 일정이 늦춰질 가능성도 있다.",
    "{office:은} {month}월까지 {thing:과} 관련한 세부 기준을 마련할 예정이다.",
    "이번 {deed:은} {town:과} 이웃한 지역 {small}곳에도 적용된다.",
    "지난 {month}월 설문에서는 응답자의 {pct}%가 “{thing:이} 꼭 필요하다”고 답했다.",
    "현장에서는 {reason:을} 먼저 살펴야 한다는 지적도 나왔다.",
    "담당 부서는 {day}일부터 매주 {place}에서 설명회를 연다.",
    "그동안 {thing:은} {reason} 때문에 두 차례 미뤄졌다.",
    "올해 들어 {gain:이} 가장 많았던 달은 {month}월로, {people}건에 이르렀다.",
    "{town:은} 남은 예산으로 {place} 주변도 함께 손볼 계획이다.",
    "이에 따라 {office:은} 인력을 {small}명 더 뽑고 운영 시간을 한 시간 늘린다.",
)
_QUOTES = (
    "{person} {title:은} “{thing:은} 이제 시작”이라며 “{reason:을} 꼼꼼히 살피겠다”고 말했다.",
    "“{gain:이} 이렇게 늘어날 줄은 몰랐습니다.” {person} {title}의 말이다.",
    "{person} {title:은} “{town} 주민이 체감할 수 있는 {deed:이} 되도록 하겠다”고 밝혔다.",
    "주민 {person} 씨({age})는 “{thing} 덕분에 한결 편해졌다”면서도 “{place}까지 오가는 길은 여전히 멀다”고 했다.",
)
_ENDINGS = (
    "한편 {office:은} 다음 달 {day}일 결과를 누리집에 올릴 예정이다.",
    "자세한 내용은 {town} 누리집에서 확인할 수 있다.",
    "{town:은} 내년 {month}월까지 {thing:을} 전 지역으로 넓힌다는 방침이다.",
    "최종 결정은 {month}월 열리는 회의에서 내려진다.",
)
_HEADLINES = (
    "{town}, {thing} {deed} 본격화",
    "{town} {office}, {thing} {deed} 공개… “{gain} {pct}% 늘어”",
    "‘{thing}’ 첫발 뗀 {town}… 남은 과제는 {reason}",
    "{person} {title} “{thing:은} 이제 시작”",
    "[현장] {place:을} 채운 {people}명, {thing:을} 말하다",
    "{thing} {small}년, {town:은} 무엇이 달라졌나",
    "{won}억 들인 {town} {thing}, {month}월 문 연다",
)
_CAPTIONS = (
    "{day}일 {town} {place}에서 주민들이 {thing:을} 살펴보고 있다.",
    "{town} {office} 관계자들이 {place} 앞에서 {deed:을} 설명하고 있다.",
)


def person(random: Random) -> Word:
    """A name of three syllables."""
    return Word(random.choice(FAMILY) + random.choice(tuple(GIVEN)))


def reporter(random: Random, domain: str) -> Reporter:
    """A reporter with an address at `domain`."""
    given = random.choice(tuple(GIVEN))
    return Reporter(random.choice(FAMILY) + given, f"{GIVEN[given]}{random.randint(1, 99)}@{domain}")


def compose(random: Random, section: str) -> Text:
    """Title, paragraphs, caption and keywords of one article; no sentence form comes twice."""
    offices, things = TOPICS[section]
    story = {"town": random.choice(TOWNS), "office": random.choice(offices), "thing": random.choice(things)}
    story |= {"deed": random.choice(_DEEDS), "reason": random.choice(_REASONS), "place": random.choice(_PLACES)}

    def say(forms: tuple[str, ...]) -> str:
        return random.choice(forms).format(**story, **_details(random))

    facts, quotes = random.sample(_FACTS, len(_FACTS)), random.sample(_QUOTES, len(_QUOTES))
    paragraphs = [f"{say(_OPENINGS)} {say((facts.pop(),))}"]
    for _ in range(random.randint(2, 4)):
        sentences = [say((facts.pop(),)) for _ in range(random.randint(1, 2))]
        sentences.append(say((quotes.pop() if random.random() < 0.7 else facts.pop(),)))
        paragraphs.append(" ".join(sentences))
    paragraphs.append(f"{say((facts.pop(),))} {say(_ENDINGS)}")
    keywords = (str(story["town"]), str(story["thing"]), str(story["office"]))
    return Text(say(_HEADLINES), tuple(paragraphs), say(_CAPTIONS), keywords)


def _details(random: Random) -> dict[str, object]:
    """The words and numbers that differ from sentence to sentence."""
    people = random.randint(3, 60) * 10
    return {
        "person": person(random),
        "title": random.choice(TITLES),
        "gain": random.choice(_GAINS),
        "day": random.randint(1, 28),
        "month": random.randint(1, 12),
        "pct": random.randint(4, 78),
        "tenth": random.randint(1, 9),
        "won": random.randint(3, 240),
        "small": random.randint(2, 9),
        "people": people,
        "more": people + random.randint(1, 30) * 10,
        "age": random.randint(21, 79),
    }
