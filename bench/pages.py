"""The pages that parsing is measured on: recorded ones beside the repository, else those of the demo sites."""

from __future__ import annotations

import gzip
import json
import tempfile
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from newscrawl.extract.manifest import profile_of
from newscrawl.model import Response
from newscrawl.profiles import Profile, load_all
from newssite.local import write_profiles
from newssite.state import SITES, State

RECORDED = Path(__file__).parents[1].parent / "shared" / "pages"
_PORTS = {site: 8000 + number for number, site in enumerate(SITES)}


def pages() -> list[tuple[Response, Profile]]:
    """Each page as it was fetched, with its site's profile."""
    return _recorded() if RECORDED.is_dir() else _made_up()


def _recorded() -> list[tuple[Response, Profile]]:
    profiles = [one for one in load_all([Path(str(files("newscrawl") / "sites"))]).values() if isinstance(one, Profile)]
    found = []
    for name, about in json.loads((RECORDED / "expected.json").read_text("utf-8")).items():
        body = gzip.decompress((RECORDED / f"{name}.html.gz").read_bytes())
        profile = profile_of(about["url"], profiles)
        if profile is not None:
            fetched = datetime.fromisoformat(about["crawled"]).replace(tzinfo=UTC)
            found.append((Response(about["url"], about["url"], 200, {}, body, 0.0, fetched), profile))
    return found


def _made_up() -> list[tuple[Response, Profile]]:
    state = State.new(10, latency=0)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        write_profiles(Path(folder), _PORTS)
        profiles = load_all([Path(folder)])
    for site, port in _PORTS.items():
        for line in state.truth(site, f"127.0.0.1:{port}"):
            if line["kind"] == "article":
                url = str(line["url"])
                path, _, query = url.removeprefix(f"http://127.0.0.1:{port}").partition("?")
                page = state.page(site, f"127.0.0.1:{port}", path, query)
                headers = {"content-type": page.content_type}
                found.append((Response(url, url, 200, headers, page.body, 0.0, datetime.now(UTC)), profiles[site]))
    return found
