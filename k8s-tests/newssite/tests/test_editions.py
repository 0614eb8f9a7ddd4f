"""Articles follow from seed and number alone, in any number of them."""

from __future__ import annotations

import pytest
from newssite.korean import SECTIONS, TOPICS, Word
from newssite.state import SITES, State


def test_the_same_seed_makes_the_same_sites_and_another_seed_others() -> None:
    def pages(seed: int) -> list[bytes]:
        state = State.new(40, seed)
        paths = [(site, line["url"].split("/", 3)[3]) for site in SITES for line in state.truth(site, "h")]
        return [state.page(site, "h", *_split(path)).body for site, path in paths]

    assert pages(1) == pages(1)
    assert set(pages(1)).isdisjoint(page for page in pages(2) if len(page) > 2000)


def _split(path: str) -> tuple[str, str]:
    path, _, query = path.partition("?")
    return f"/{path}", query


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("count", [0, 1, 7, 1000])
def test_any_number_of_articles(site: str, count: int) -> None:
    lines = State.new(count).truth(site, "h")
    assert len([line for line in lines if line["kind"] in ("article", "broken")]) == count
    published = [line["published"] for line in lines if line["kind"] == "article"]
    assert published == sorted(published, reverse=True)


def test_words_take_the_particle_that_their_last_sound_wants() -> None:
    assert f"{Word('한솔시'):은} {Word('가람군'):은}" == "한솔시는 가람군은"
    assert f"{Word('마을'):으로} {Word('도로'):으로} {Word('동'):으로}" == "마을로 도로로 동으로"


def test_korean_needs_cp949_where_the_page_says_euc_kr() -> None:
    words = "".join(office for section in SECTIONS for office in TOPICS[section][0])
    beyond = {letter for letter in words if len(letter.encode("euc_kr")) > 2}  # an escape of eight bytes
    assert {"똠", "펲", "쑛", "찦", "햏"} <= beyond
    assert all(len(letter.encode("cp949")) == 2 for letter in beyond)
