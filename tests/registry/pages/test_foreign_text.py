"""What names, models and files say stands in MLflow's descriptions as text: no picture, link or element of its own."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from steerstack.contracts.recorder import Effect
from steerstack.report.card import study_card
from steerstack.report.samples import samples_section
from steerstack_registry.pages.notes import note, role_note
from steerstack_registry.write.delivery import Delivery
from steerstack_registry.write.versions import Registered

EVIL = [
    "<img src=x onerror=alert(1)>", "![x](http://evil.org/x.png)", "[click](http://evil.org)", "<http://evil.org>", "`` ` ``",
    "a\n\n# b\n\n[y]: http://evil.org", "| a | b |",
]  # fmt: skip
OURS = {"h1", "h2", "p", "ul", "li", "strong", "code", "pre", "a", "img", "table", "thead", "tbody", "tr", "th", "td",
        "blockquote"}  # fmt: skip


class Links(HTMLParser):
    """The elements of a page, and where its links and pictures lead."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.places, self.cells = set(), [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.cells += [tag] if tag in ("th", "td") else []
        self.places += [place for name, place in attrs if name in ("href", "src", "onerror")]


@pytest.mark.parametrize("evil", EVIL)
def test_it_is_text(evil, make_run, vector):
    origin = replace(
        vector.origin, behavior=evil, model_name=evil, method=evil, data_digest=evil, model_fingerprint=evil
    )
    vectors = {"base": replace(vector, origin=origin), evil: vector}
    reply = {"label": evil, "text": evil, "edited_positions": 0}
    samples = samples_section({"rule": "The first.", "items": [{"id": "1", "prompt": evil, "arms": [reply]}]})
    run = make_run(
        behavior=evil, data_source=evil, data_digest=evil, verdict=f"It moves {evil}. So it does.", vectors=vectors,
        effects=[Effect(f"effect/{evil}", 0.3, 0.1, 0.5, 20, evil)], card=study_card(vectors["base"], samples, []), files=[],
    )  # fmt: skip
    tags = {"steerstack.command": f"steerstack extract --data '{evil}'"}
    registered = {role: Registered("name", "1", "m-1", True) for role in vectors}
    about = (Delivery(run, "now-id", 1, tags), "1", "f" * 32, registered, 5000)
    for card in (run.card, ""):
        text = note(Delivery(replace(run, card=card), "now-id", 1, tags), *about[1:])
        seen = Links(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
        assert seen.tags <= OURS
        assert [place for place in seen.places if not place.startswith(("#/", "get-artifact?"))] == []
        assert seen.cells == ["th"] * 3 + ["td"] * 3
    seen = Links(MarkdownIt("commonmark", {"html": True}).enable("table").render(role_note(evil, *about)))
    assert seen.tags <= OURS
    assert [place for place in seen.places if not place.startswith("#/")] == []
