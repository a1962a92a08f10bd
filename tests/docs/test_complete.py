"""Everything that users can name is documented, and the pages hold together."""

import inspect
import re
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from sphinx.util.inventory import InventoryFile
from tests.docs.conftest import DOCS, ROOT

from steerstack import errors

sys.path.insert(0, str(DOCS / "_ext"))
import pages


@pytest.fixture(scope="module")
def documented(built):
    """Names with a place of their own, by kind."""
    with (built / "objects.inv").open("rb") as file:
        return InventoryFile.load(file, "", lambda base, path: path)


def missing(names, documented):
    targets = {name for kind, entries in documented.items() if kind.startswith("py:") for name in entries}
    return sorted(set(names) - targets)


@pytest.mark.parametrize("module", pages.MODULES)
def test_every_public_name_is_documented(documented, module):
    assert not missing([f"{module}.{name}" for name in pages.public(module)], documented)


def test_every_hook_is_documented(documented):
    assert len(pages.hooks()) >= 14
    assert not missing([f"steerstack.catalog.hookspecs.{name}" for name in pages.hooks()], documented)


def test_every_command_is_documented_with_its_options(built):
    commands = list(pages.commands())
    assert len(commands) > 30
    for words, command in commands:
        text = (built / "generated" / "commands" / f"{words.split()[0]}.html").read_text(encoding="utf-8")
        assert f'id="command-{words.replace(" ", "-")}"' in text, words
        for option in (option for part in command.params for option in part.opts if option.startswith("--")):
            assert option == "--help" or option in text, (words, option)
        assert command.help, f"{words} says nothing of itself"


def test_every_error_has_its_page():
    classes = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}
    texts = {path.stem: path.read_text(encoding="utf-8") for path in (DOCS / "reference" / "errors").glob("*.md")}
    assert classes == set(texts)
    for name, text in texts.items():
        assert re.findall("^## (.*)", text, re.MULTILINE) == ["Symptom", "Cause", "Fix"], name
        assert text.startswith(f"# {name}\n")
        assert name == "SteerstackError" or f"steerstack.errors.{name}: " in text


def test_every_key_of_plan_and_study_files_is_described():
    from steerstack.exchange.plan_file import PlannedEdit

    for model in (PlannedEdit, *pages.studies().values(), *pages.parts()):
        descriptions = pages.described(model)
        assert not [name for name in model.model_fields if not descriptions.get(name) and name != "study"], (
            model.__name__
        )


def test_every_example_ran_and_drew(built):
    examples = sorted(path.stem for path in (ROOT / "examples" / "gallery").glob("*.py"))
    assert len(examples) == 9
    for name in examples:
        text = (built / "gallery" / f"{name}.html").read_text(encoding="utf-8")
        assert "sphx-glr-script-out" in text, f"{name} printed nothing"
        assert "Traceback" not in text, name
        assert name.startswith("6_") or f"sphx_glr_{name}_001.png" in text, f"{name} drew nothing"


class _Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids.add(attributes.get("id"))
        self.links += [attributes[key] for key in ("href", "src") if attributes.get(key)]


def test_local_links_lead_somewhere(built):
    pages_by_path = {path: _Page(path.read_text(encoding="utf-8")) for path in built.rglob("*.html")}
    broken = []
    for path, page in pages_by_path.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists() or (
                target in pages_by_path and parts.fragment and parts.fragment not in pages_by_path[target].ids
            ):
                broken.append(f"{path.relative_to(built)}: {link}")
    assert not broken


def shown(text):
    """Commands that a page shows: in blocks of a terminal, in line, and in calls of an example."""
    blocks = "\n".join(re.findall(r"```(?:bash|console)\n(.*?)```", text, re.DOTALL))
    lines = [line.removeprefix("$ ") for line in blocks.splitlines()]
    inline = re.findall(r"`(steerstack [^`]+)`", text)
    joined = re.sub(r'"\s*\n\s*f?"', "", text)  # one string over several lines
    calls = re.findall(r'sh\(\s*f?"(.*?)"', joined)
    for words in (" ".join(one.split()) for one in (*lines, *inline, *calls)):
        match = re.search(r"(?:^|&& |[A-Z_]+=\S+ )steerstack ([a-z].*)", words)
        if match:
            yield match[1].partition(" #")[0]


def test_commands_that_pages_show_exist_with_their_options():
    commands = dict(pages.commands())
    groups = {name.split()[0] for name in commands}
    paths = [p for p in DOCS.rglob("*.md") if not {"generated", "gallery"} & set(p.relative_to(DOCS).parts)]
    wrong, count = [], 0
    for path in [*paths, ROOT / "README.md", *ROOT.glob("examples/gallery/*.py")]:
        for line in shown(path.read_text(encoding="utf-8")):
            words = line.split()
            if words[0].startswith("my-package/"):  # a stranger's: tests/core/catalog/test_stranger.py runs one
                continue
            name = next((n for n in (" ".join(words[:size]) for size in (3, 2, 1)) if n in commands), None)
            if name is None:
                if line not in groups:
                    wrong.append(f"{path.name}: steerstack {line}")
                continue
            count += 1
            options = {option for part in commands[name].params for option in (*part.opts, *part.secondary_opts)}
            used = {word.partition("=")[0] for word in words if word.startswith("--")} - {"--help"}
            if name != "lm-eval" and used - options:
                wrong.append(f"{path.name}: steerstack {name} has no {', '.join(used - options)}")
    assert count > 40
    assert not wrong, "\n".join(wrong)
