"""Articles of sites without a profile, laid out as the usual publishing systems do it, with texts of ours."""

from __future__ import annotations

import json

import pytest
from newscrawl.extract import extract
from pages_of_ours import ENGLISH, FETCHED, response

KOREAN = (
    "북쪽 방파제 공사를 석 주 만에 마친 항구가 금요일에 다시 문을 열었다고 항만 당국이 밝혔다.",
    "이웃 도시에 머물던 고깃배들은 동이 트기 전에 돌아왔고 어시장은 아침 일곱 시에 이미 가득 찼다.",
    "“이날을 기다렸다”고 서른 해 넘게 같은 자리에서 고등어를 팔아 온 상인은 말했다.",
    "공사는 지난 10월 폭풍에 방파제가 무너지면서 시작됐다. 당시 5m 높이의 파도가 도로까지 올라왔다.",
    "기술자들은 다음으로 남쪽 방파제를 살핀다. 수리는 늦봄까지 이어질 것으로 보인다.",
    "그때까지 섬으로 가는 배는 옛 부두에서 떠나며 시간표는 물때에 따라 날마다 바뀐다.",
)
JAPANESE = (
    "北側の防波堤の工事を三週間で終えた港が金曜日に再び開かれたと港湾当局が発表した。",
    "隣の町に避難していた漁船は夜明け前に戻り、市場は朝七時にはもう人であふれていた。",
    "「この日を待っていた」と、三十年以上同じ場所でサバを売ってきた店主は話した。",
    "工事は十月の嵐で防波堤が壊れたことから始まった。当時は五メートルの波が道路まで届いた。",
    "技術者たちは次に南側の防波堤を調べる予定で、修理は春の終わりまで続く見通しだという。",
    "それまで島へ渡る船は古い桟橋から出て、時刻表は潮の満ち引きに合わせて毎日変わる。",
)
OTHER = (
    "Storm damages the sea wall in the north, and the council asks for money from the capital to build it anew soon.",
    "A new market hall is planned beside the station, with stalls for sixty traders and a roof made of glass and wood.",
    "The ferry company lost money for the third year, it said in its report, which it puts down to the price of fuel.",
    "Schools close early on Monday because of the wind, and buses leave an hour before the usual time, the town says.",
)
HEAD = """<meta charset=utf-8><title>{title}</title><meta property="og:title" content="{title}">
<meta property="article:published_time" content="2026-11-20T08:30:00+00:00">"""
COOKIES = (
    "<div id=cookie-consent class=cookie-banner>"
    "<p>We and our partners use cookies to store and read personal data, to show you "
    "advertisements that suit you, to measure them, and to learn more about who reads us and how. You may "
    "change your mind "
    "whenever you like.</p>"
    "<p>Some of our partners work on the ground of what they call a legitimate interest in your data.</p>"
    "<button>Accept all</button></div>"
)
MENU = (
    "<header><nav><ul>"
    + "".join(f"<li><a href=/{one}>{one}</a></li>" for one in ("News", "Sport", "Harbour"))
    + "</ul></nav></header>"
)
MORE = (
    "<section class=more-from><h2>More from the Daily</h2>"
    + "".join(
        f"<div class=item><h3><a href=/{n}>Headline {n}</a></h3><p>{one}</p></div>" for n, one in enumerate(OTHER)
    )
    + "</section>"
)
COMMENTS = (
    "<div id=comments class=comment-list><h3>4 comments</h3>"
    + "".join(
        f"<article class=comment><p class=comment-author>reader {n}</p><p>I do not think so: {one}</p></article>"
        for n, one in enumerate(OTHER)
    )
    + "</div>"
)
FOOTER = (
    "<footer><p>© 2026 The Daily. All rights reserved. The publisher is not responsible for what other sites "
    "write.</p></footer>"
)


def paragraphs(lines: tuple[str, ...], tag: str = "p", **about: str) -> str:
    named = "".join(f' {name.strip("_")}="{value}"' for name, value in about.items())
    return "".join(f"<{tag}{named}>{line}</{tag}>" for line in lines)


def page(body: str, *, title: str = "Harbour opens again", language: str = "en", head: str = "", of: str = "") -> str:
    return f"<html lang={language}><head>{HEAD.format(title=title)}{head}</head><body{of}>{body}</body></html>"


def read(html: str, url: str = "https://daily.example/news/harbour-opens-again-7123"):
    return extract(response(html, url=url), None, fetched=FETCHED)


H1 = "<h1>Harbour opens again</h1>"
LAYOUTS = {
    "WordPress": (
        f"{MENU}<article id=post-12 class='post-12 post type-post status-publish hentry category-comments "
        f"tag-newsletter tag-ads'>"
        f"<header class=entry-header>{H1}<div class=entry-meta>By <a rel=author href=/a>Jane Doe</a></div></header>"
        f"<div class='entry-content share-enabled'>{paragraphs(ENGLISH)}<div class=sharedaddy><h3>Share this:"
        f"</h3></div></div></article>"
        f"{COMMENTS}{MORE}{FOOTER}"
    ),
    "WordPress with a body that names everything": (
        f"{MENU}<div class='site has-comments ads-enabled no-related'><main class='single has-newsletter'>{H1}"
        f"<div class=entry-content>"
        f"{paragraphs(ENGLISH)}</div></main></div>{MORE}{FOOTER}"
    ),
    "Drupal": (
        f"{MENU}<div class=region-content><div class='node node--type-article node--view-mode-full'>"
        f"<h1 class=page-title>"
        f"<span class='field field--name-title'>Harbour opens again</span></h1>"
        f"<div class='field field--name-body field--type-text-with-summary'>"
        f"<div class=field__item>{paragraphs(ENGLISH)}</div></div><div class='field field--name-field-tags'>"
        f"<a href=/t>harbour</a></div></div></div>"
        f"{MORE}{FOOTER}"
    ),
    "Arc": (
        f"{MENU}<main><header>{H1}<div class=share-bar__buttons>Share</div></header>"
        f"<article class='default__ArticleBody-sc-1 b-article-body'>"
        + paragraphs(ENGLISH[:3], _class="c-paragraph")
        + "<div class='interstitial-link'>"
        "<a href=/s>Storm damages the sea wall in the north, and the council asks for money</a></div>"
        + paragraphs(ENGLISH[3:], _class="c-paragraph")
        + f"</article></main>{MORE}{FOOTER}"
    ),
    "divisions for paragraphs": (
        f"{MENU}<div id=story>{H1}{paragraphs(ENGLISH, 'div', _class='para')}</div>{MORE}{FOOTER}"
    ),
    "breaks for paragraphs": (
        f"{MENU}<div id=story>{H1}<div class=text>{'<br><br>'.join(ENGLISH)}</div></div>{MORE}{FOOTER}"
    ),
    "a page within a form": f"<form action=./ method=post><input type=hidden name=__VIEWSTATE value=x>{MENU}"
    f"<div id=content>{H1}"
    f"<div class=body>{paragraphs(ENGLISH)}</div></div></form>{FOOTER}",
    "a page within a table": f"<table><tr><td><a href=/>Home</a></td><td>{H1}{'<br><br>'.join(ENGLISH)}</td>"
    f"<td><a href=/c>Contact</a>"
    "</td></tr></table>",
    "cookies first": f"{COOKIES}{MENU}<main><article>{H1}{paragraphs(ENGLISH)}</article></main>{FOOTER}",
    "comments that are longer": (
        f"{MENU}<article>{H1}{paragraphs(ENGLISH)}</article>{COMMENTS}{COMMENTS.replace('I do', 'We do')}{FOOTER}"
    ),
    "single breaks between paragraphs": f"{MENU}<article>{H1}<div class=txt>{'<br>'.join(ENGLISH)}</div>"
    f"</article>{FOOTER}",
    "the next article": (
        f"{MENU}<article>{H1}{paragraphs(ENGLISH)}</article><article><h1>Another story of the town</h1>"
        f"{paragraphs(OTHER)}{paragraphs(tuple(f'{one} Again.' for one in OTHER))}</article>{FOOTER}"
    ),
    "the writer at the end": (
        f"{MENU}<article>{H1}<span rel=author>Jane Doe</span>{paragraphs(ENGLISH)}<p>"
        f"<em>Jane Doe is a reporter at the Daily.</em></p>"
        f"<p>Subscribe to the Daily to read more of her stories.</p></article>{FOOTER}"
    ),
    "boxes between paragraphs": (
        f"{MENU}<article>{H1}{paragraphs(ENGLISH[:2])}<div class=newsletter-signup><h3>The Daily, each morning"
        f"</h3><p>Our best "
        "stories of the day in your inbox, written for you by our editors at six in the morning.</p><form>"
        "<input name=email></form></div>"
        f"{paragraphs(ENGLISH[2:4])}<aside class=related-box><ul><li><a href=/1>{OTHER[0]}</a></li></ul>"
        f"</aside><figure><img src=a.jpg>"
        f"<figcaption>Boats come back to the harbour on Friday morning, seen from the quay.</figcaption>"
        f"</figure>{paragraphs(ENGLISH[4:])}"
        f"<div class=author-bio>"
        f"<p>Jane Doe writes about the sea for the Daily and has won a prize for it in the year 2020.</p></div>"
        f"</article>{FOOTER}"
    ),
    "links between paragraphs": (
        f"{MENU}<article>{H1}{paragraphs(ENGLISH[:3])}<p><a href=/1>{OTHER[1]}</a></p><p><strong>Read more: "
        f"<a href=/2>{OTHER[2]}</a></strong></p>"
        f"{paragraphs(ENGLISH[3:])}</article>{MORE}{FOOTER}"
    ),
    "the same article for telephones": (
        f"{MENU}<div class=desktop><h1>Harbour opens again</h1>{paragraphs(ENGLISH)}</div>"
        f"<div class=mobile>{paragraphs(ENGLISH)}</div>{FOOTER}"
    ),
    "a menu whose words are in the text": (
        "<div class=top>"
        + "".join(f"<div><a href=/{one}>{one}</a></div>" for one in ("Friday", "harbour", "market", "storm", "work"))
        + f"</div><div class=main>{H1}{paragraphs(ENGLISH)}</div>{FOOTER}"
    ),
    "summaries of others that are longer": (
        f"{MENU}<main><article>{H1}{paragraphs(ENGLISH)}</article></main>{MORE}{MORE.replace('A new', 'Another')}"
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_only_the_text_and_all_of_it(layout):
    article = read(page(LAYOUTS[layout]))
    assert list(article.paragraphs) == list(ENGLISH)
    assert article.title == "Harbour opens again"
    assert article.published.isoformat() == "2026-11-20T08:30:00+00:00"


def test_subheads_lists_and_quotes_are_text():
    steps = (
        "The northern pier is closed for boats of every size.",
        "The sea wall is built anew.",
        "The old quay is painted.",
    )
    body = (
        f"{MENU}<article>{H1}{paragraphs(ENGLISH[:2])}<h2>What is done</h2><ul>{paragraphs(steps, 'li')}"
        f"</ul>{paragraphs(ENGLISH[3:4])}"
        f"<blockquote><p>{ENGLISH[2]}</p></blockquote><h2>What comes next</h2>{paragraphs(ENGLISH[4:])}"
        f"</article>{MORE}{FOOTER}"
    )
    assert list(read(page(body)).paragraphs) == [
        *ENGLISH[:2],
        "What is done",
        *steps,
        ENGLISH[3],
        ENGLISH[2],
        "What comes next",
        *ENGLISH[4:],
    ]


@pytest.mark.parametrize(
    "tag", ["<p class=standfirst>", "<div class=article__sub-title>", "<h2 itemprop=description>", "<p>"]
)
def test_a_lead_before_the_text(tag):
    lead = "Three weeks of work have ended, and the boats are back"
    end = tag[1:].split(">")[0].split(" ")[0]
    body = (
        f"{MENU}<article><header>{H1}{tag}{lead}</{end}><p class=meta>By Jane Doe</p></header>"
        f"<div class=text>{paragraphs(ENGLISH)}</div></article>{MORE}{FOOTER}"
    )
    head = f'<meta property="og:description" content="{lead}">' if tag == "<p>" else ""
    assert list(read(page(body, head=head)).paragraphs) == [lead, *ENGLISH]


@pytest.mark.parametrize("name", ["image-description", "author-description", "ai-summary", "meta"])
def test_what_stands_before_the_text_and_is_no_lead(name):
    line = f"<p class={name}>Boats come back to the harbour on Friday morning at dawn</p>"
    body = (
        f"{MENU}<article><header>{H1}{line}</header><div class=text>{paragraphs(ENGLISH)}</div></article>{MORE}{FOOTER}"
    )
    assert list(read(page(body)).paragraphs) == list(ENGLISH)


KOREAN_TITLE = "항구, 석 주 만에 다시 열려"
KOREAN_LAYOUTS = {
    "paragraphs": paragraphs(KOREAN),
    "breaks": "<br><br>".join(KOREAN),
    "breaks and a picture": (
        "<div class=imgbox><figure><img src=a.jpg>"
        "<figcaption>금요일 아침 항구로 돌아오는 고깃배들. 사진=하루신문</figcaption></figure></div>"
        + "<br/><br/>\n".join(KOREAN)
    ),
}


@pytest.mark.parametrize("layout", KOREAN_LAYOUTS)
def test_a_publishing_system_of_korea(layout):
    body = (
        "<div id=user-wrap><header id=user-header><nav><a href=/all>전체기사</a><a href=/pol>정치</a></nav>"
        "</header><section id=user-container>"
        f"<div class=article-head-title>{KOREAN_TITLE}</div><ul class=infomation><li>김한빛 기자</li>"
        f"<li>승인 2026.11.20 17:30</li></ul>"
        f"<article id=article-view-content-div class=article-view-content "
        f"itemprop=articleBody>{KOREAN_LAYOUTS[layout]}</article>"
        "<div class=view-copyright>저작권자 © 하루신문 무단전재 및 재배포 금지</div><div class=view-editors>"
        "<strong>김한빛 기자</strong> "
        "kim@daily.example</div><div class=user-reply>"
        "<p>댓글을 남기실 수 있습니다. 욕설이나 비방은 삭제될 수 있습니다.</p></div>"
        "<aside><h4>많이 본 기사</h4><ul><li><a href=/1>시장 옆에 새 역이 들어선다는 소식에 상인들이 모였다"
        "</a></li></ul></aside></section></div>"
    )
    html = page(
        body,
        title=f"{KOREAN_TITLE} - 하루신문",
        language="ko",
        head='<meta property="og:site_name" content="하루신문">',
    )
    article = read(html, "https://www.daily.example/news/articleView.html?idxno=7123")
    assert article.title == KOREAN_TITLE
    assert list(article.paragraphs) == list(KOREAN)


@pytest.mark.parametrize("tag", ["p", "div"])
def test_a_site_of_japan(tag):
    body = (
        "<header><ul><li><a href=/>トップ</a></li><li><a href=/a>社会</a></li></ul></header><main><article>"
        "<h1>港が再び開く</h1>"
        f"<p class=date>2026年11月20日 17時30分</p><div class=article-body>{paragraphs(JAPANESE, tag)}</div>"
        f"<div class=tag-list><a href=/t>港</a></div>"
        "</article><section class=ranking><h2>アクセスランキング</h2><ol><li>"
        "<a href=/1>駅の隣に新しい市場ができるという知らせに人々が集まった</a>"
        "</li></ol></section></main><footer>"
        "<p>無断転載を禁じます。記事・写真などの著作権はすべて新聞社にあります。</p></footer>"
    )
    assert list(read(page(body, title="港が再び開く", language="ja")).paragraphs) == list(JAPANESE)


@pytest.mark.parametrize(
    "line",
    [
        "By Jane Doe",
        "Jane Doe, Staff Reporter",
        "20 November 2026, 08:30 GMT",
        "Published: 20 Nov 2026 08:30",
        "Updated on November 20, 2026 at 8:30 a.m.",
        "입력 2026.11.20 17:30",
        "김한빛 기자",
        "2026年11月20日 17時30分",
        "Von Jane Doe",
        "3 min read",
    ],
)
def test_a_byline_or_a_date_on_a_line_of_its_own(line):
    head = '<meta name=author content="Jane Doe"><meta name=author content="김한빛">'
    html = page(f"{MENU}<article>{H1}<p>{line}</p>{paragraphs(ENGLISH)}<p>{line}</p></article>{FOOTER}", head=head)
    assert list(read(html).paragraphs) == list(ENGLISH)


@pytest.mark.parametrize(
    "line", ["Jane Doe was there on Friday.", "2026 was a good year.", "By Friday 8 boats were back"]
)
def test_a_line_that_says_more(line):
    html = page(f"{MENU}<article>{H1}<p>{line}</p>{paragraphs(ENGLISH)}</article>{FOOTER}")
    assert read(html).paragraphs[0] == line


def test_live_coverage():
    posts = "".join(
        f"<article class='live-post' id=post-{n}><time datetime=2026-11-20T0{n}:00Z>0{n}:00</time>"
        f"<h3>Post number {n}</h3><p>{one}</p></article>"
        for n, one in enumerate(ENGLISH, 1)
    )
    found = read(page(f"{MENU}<main>{H1}<div class=live-blog>{posts}</div></main>{FOOTER}")).paragraphs
    assert [one for one in found if one in ENGLISH] == list(ENGLISH)


def next_data(**story: object) -> str:
    return f'<script id="__NEXT_DATA__" type="application/json">{json.dumps({"props": {"pageProps": story}})}</script>'


RUNS = [
    {"type": "paragraph", "children": [{"text": one[:30]}, {"type": "link", "children": [{"text": one[30:]}]}]}
    for one in ENGLISH
]
LINKED = {"@type": "NewsArticle", "articleBody": "\n".join(ENGLISH)}
STORIES = {
    "linked data": f"<script type='application/ld+json'>{json.dumps(LINKED)}</script>",
    "HTML": next_data(article={"headline": "Harbour opens again", "body": paragraphs(ENGLISH)}),
    "HTML beside a longer notice": next_data(
        article={"title": "Harbour opens again", "body": paragraphs(ENGLISH)},
        cookieNotice={"text": paragraphs(OTHER * 3)},
        terms={"page": {"html": paragraphs(OTHER * 3)}},
        other={"html": paragraphs(OTHER * 3)},
    ),
    "pieces": next_data(
        article={
            "headline": "Harbour opens again",
            "content_elements": [{"type": "text", "content": one} for one in ENGLISH]
            + [{"type": "image", "content": "A boat comes back home"}],
        }
    ),
    "runs of text": next_data(article={"title": "Harbour opens again", "blocks": RUNS}),
    "lines": next_data(article={"title": "Harbour opens again", "paragraphs": list(ENGLISH)}),
}


@pytest.mark.parametrize("story", STORIES)
def test_text_that_is_only_in_json(story):
    article = read(page(f"{MENU}<div id=__next></div>{STORIES[story]}{FOOTER}"))
    assert list(article.paragraphs) == list(ENGLISH)
    assert article.sources["body"] == "embedded JSON"


def test_a_page_that_shows_the_beginning_of_what_it_embeds():
    article = read(page(f"{MENU}<article>{H1}{paragraphs(ENGLISH[:2])}</article>{STORIES['linked data']}{FOOTER}"))
    assert list(article.paragraphs) == list(ENGLISH)
