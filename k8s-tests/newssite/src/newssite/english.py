"""English local news from small word lists: an invented port town, its offices, firms and people."""

from __future__ import annotations

from random import Random

from newssite.article import Reporter, Text


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


FIRST = _words("Ada, Bram, Celia, Dorian, Edith, Felix, Greta, Hollis, Imogen, Jonas, Katya, Leopold, Maren, Nils")
LAST = _words("Ashdown, Brekke, Calloway, Dunmore, Eastwick, Fairley, Grimsby, Halloran, Inverness, Jessop, Lund")
TOWNS = _words("Saltmarsh, Gull Point, Northquay, Tidewater, Millhaven, Lantern Bay, Cooper's Reach, Old Ferry")

# section -> who acts, and what they act on
TOPICS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "local": (
        _words("the harbor commission, the school board, the fire department, the parks office, the town council"),
        _words("the ferry timetable, the east breakwater, free school lunches, the night bus, the flood wall"),
    ),
    "business": (
        _words("the chamber of commerce, Reed & Rowe, the fishers' cooperative, Quayside Credit Union"),
        _words("the cannery lease, a wage agreement, the container terminal, a small-business fund, the fish auction"),
    ),
    "culture": (
        _words("the maritime museum, the lantern festival, the repertory theatre, the public library, the town band"),
        _words("a shanty archive, the winter season, a mural trail, the boatbuilders' exhibition, a poetry prize"),
    ),
    "science": (
        _words("the tidal laboratory, the weather station, the university's reef group, the bird observatory"),
        _words("an eelgrass survey, a tidal turbine, a storm surge model, the herring count, a low-cost buoy"),
    ),
}
SECTIONS = tuple(TOPICS)

_PLACES = _words("the customs house, Pier Four, the old ropewalk, the grange hall, the lighthouse green, the ice plant")
_JOBS = _words("director, chair, project engineer, spokesperson, head of planning, research lead, treasurer")
_REASONS = _words("rising fuel prices, a wet spring, an ageing workforce, last winter's storms, slow permits")
_COUNTED = _words("visitors, permit requests, berths in use, complaints, new members, volunteers, tonnes landed")
_DAYS = _words("Monday, Tuesday, Wednesday, Thursday, Friday")

_OPENINGS = (
    "{Town} will see changes to {thing} this year, {office} said on {weekday}.",
    "After months of talks, {office} approved a plan for {thing} at {place} on {weekday}.",
    "{Office} has put {thing} at the top of its list for the coming season.",
    "Residents of {Town} packed {place} on {weekday} to ask what {office} intends to do about {thing}.",
)
_FACTS = (
    "The number of {counted} rose by {pct}.{tenth} percent over the past {small} years, according to {office}.",
    "The work is expected to cost ${won}.{tenth} million, of which the town pays {pct} percent.",
    "About {people} people had signed a petition by {weekday} evening.",
    "Officials blamed {reason} for a delay of {small} weeks.",
    "A similar effort in {Other} took {small} years and came in under budget.",
    "{Office} counted {people} {counted} in a single week, up from {fewer} a year earlier.",
    "The first phase covers {place} and the streets around it.",
    "Not everyone is convinced: {small} of {more_small} members voted against the proposal.",
    "Work could begin as early as {weekday}, weather permitting.",
    "Engineers spent {small} months measuring currents before they settled on a design.",
    "The plan leaves {place} untouched, a point that neighbors had pressed for.",
    "Whether {thing} can be paid for without new fees is still open.",
    "An earlier attempt failed because of {reason}.",
    "Drafts will be posted at {place} and at the library.",
)
_QUOTES = (
    "“We have waited {small} years for this,” said {person}, the {job}. “Nobody wants to wait another one.”",
    "“{Reason_} made it harder, but not impossible,” said {person}, {job} of the project.",
    "{person}, {age}, a neighbor of {place} for {small} years, wants to see the figures first.",
    "“People ask me about {thing} in the bakery,” {person}, the {job}, told the meeting.",
)
_ENDINGS = (
    "A decision is due before the end of the month.",
    "The next meeting is open to the public and begins at 7 p.m. at {place}.",
    "{Office} expects to report back in {small} weeks.",
    "Comments can be left at {place} until {weekday}.",
)
_HEADLINES = (
    "{Town} weighs the future of its {bare}",
    "What {reason} could do to the {bare}",
    "‘Nobody wants to wait’: {Town} presses ahead with the {bare}",
    "{bare_}: {pct} percent more {counted}, and new questions",
    "{people} in {Town} ask about the {bare}",
    "Vote on the {bare} set for {weekday} at {place}",
)
_CAPTIONS = (
    "Visitors at {place} in {Town} on {weekday}.",
    "A view of {place}, where {office} presented its plan.",
)


def person(random: Random) -> str:
    """First and last name."""
    return f"{random.choice(FIRST)} {random.choice(LAST)}"


def reporter(random: Random, domain: str) -> Reporter:
    """A reporter with an address at `domain`."""
    name = person(random)
    return Reporter(name, f"{name.lower().replace(' ', '.')}@{domain}")


def compose(random: Random, section: str) -> Text:
    """Title, paragraphs, caption and keywords of one article."""
    offices, things = TOPICS[section]
    office, thing, reason = random.choice(offices), random.choice(things), random.choice(_REASONS)
    bare = thing.removeprefix("the ").removeprefix("an ").removeprefix("a ")
    story = {
        "Town": random.choice(TOWNS), "office": office, "Office": _capital(office), "thing": thing, "bare": bare,
        "bare_": _capital(bare), "reason": reason, "Reason_": _capital(reason), "place": random.choice(_PLACES),
    }  # fmt: skip

    def say(forms: tuple[str, ...]) -> str:
        return random.choice(forms).format(**story, **_details(random))

    facts, quotes = random.sample(_FACTS, len(_FACTS)), random.sample(_QUOTES, len(_QUOTES))
    paragraphs = [f"{say(_OPENINGS)} {say((facts.pop(),))}"]
    for _ in range(random.randint(3, 5)):
        sentences = [say((facts.pop(),)) for _ in range(random.randint(1, 2))]
        if quotes and random.random() < 0.6:
            sentences.append(say((quotes.pop(),)))
        paragraphs.append(" ".join(sentences))
    paragraphs.append(f"{say((facts.pop(),))} {say(_ENDINGS)}")
    return Text(say(_HEADLINES), tuple(paragraphs), say(_CAPTIONS), (story["Town"], bare))


def _details(random: Random) -> dict[str, object]:
    people = random.randint(12, 90) * 10
    return {
        "person": person(random),
        "job": random.choice(_JOBS),
        "counted": random.choice(_COUNTED),
        "weekday": random.choice(_DAYS),
        "Other": random.choice(TOWNS),
        "pct": random.randint(4, 78),
        "tenth": random.randint(1, 9),
        "won": random.randint(1, 30),
        "small": random.randint(2, 9),
        "more_small": random.randint(11, 21),
        "people": people,
        "fewer": people - random.randint(1, 11) * 10,
        "age": random.randint(31, 79),
    }


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
