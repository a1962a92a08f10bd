"""``steerstack play``: the page in a browser, from the command to Ctrl-C; and what is said before a page is there."""

import re
import signal
import socket
import sys
from pathlib import Path

import pytest
from tests.core.cli.interrupts import started
from tests.support.browser import needs_chromium
from tests.support.command import steerstack
from tests.support.wait import PATIENCE, until

from steerstack.cli.open_browser import browsed, redirect
from steerstack.serving import packages

ODD = "<img src=x onerror=document.title=1>"


@pytest.fixture
def items(tmp_path):
    path = tmp_path / "kindness.csv"
    rows = [f"{ODD} What about case {i}?,I would help with {i}.,Case {i} is not mine." for i in range(15)]
    path.write_text("question,exhibits,not\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.browser
@needs_chromium
def test_the_page_from_the_command_to_ctrl_c(tiny_folder, vector, items, tmp_path, browser):
    command = [
        "play", "--model", tiny_folder, "--vector", vector, "--data", items, "--items", 2, "--layer", 1, "--scale", 0.5,
        "--max-new-tokens", 8, "--no-browser",
    ]  # fmt: skip
    process = started([sys.executable, "-m", "steerstack", *command])
    try:
        lines = (re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", line) for line in process.stderr)
        address = next(match[0] for match in lines if match)
        page = browser.open(address, "positions edited")
        until(lambda: "n = 2" in page.part("#mean"), "the log-odds")
        before = [page.part(name) for name in ("#unsteered", "#steered", "#mean", "#rows")]
        assert all(before)
        assert ODD in page.part("#rows")
        assert "No position edited" in page.part("#unsteered-note")
        page.slide("Layer", "1")
        page.slide("Scale", "-2")
        assert (page.part("#layer-value"), page.part("#scale-value")) == ("2", "-2.00")
        until(lambda: page.part("#mean") != before[2], "other log-odds")
        assert page.part("#unsteered") == before[0]
        assert page.part("#steered") != before[1]
        assert page.part("#rows") != before[3]
        page.press("Make a study of this")
        until(lambda: "study: sweep" in page.text, "a study")
        assert [page.width(360), page.width(1280)] == [360, 1280]
        (tmp_path / "study.yaml").write_text(page.part("#yaml"))
        plan_process = steerstack("run", tmp_path / "study.yaml", "--plan-only")
        assert "items scored" in plan_process.stdout
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.communicate()


def test_mistakes_are_told_before_a_page_is_there(tiny_folder, vector):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for words, message in (
            (["--vector", "nowhere.safetensors"], "nowhere.safetensors"),
            (["--vector", vector, "--layer", 7], "Layer 7 is out of range"),
            (["--vector", vector, "--data", "sycophanty"], "There is no file or behaviour 'sycophanty'"),
            (["--vector", vector, "--port", port], f"Nothing can listen on port {port}"),
        ):
            process = steerstack("play", "--model", tiny_folder, *words, "--no-browser", check=False)
            assert process.returncode == 1
            assert message in process.stderr
            assert "  do:   " in process.stderr


def test_missing_packages_are_named_before_the_model_is_opened(vector, monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    process = steerstack("play", "--model", "no such model", "--vector", vector, check=False)
    assert process.returncode == 1
    assert "not installed: starlette, uvicorn" in process.stderr
    assert 'pip install "steerstack[serve]"' in process.stderr


def test_a_browser_is_given_no_token_in_its_arguments(monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setenv("DISPLAY", ":0")
    with browsed(True) as show:
        show("http://127.0.0.1:9/?token=secret&more")
        (address,) = opened
        path = Path(address.removeprefix("file://"))
        assert "secret" not in address
        assert path.read_text() == redirect("http://127.0.0.1:9/?token=secret&more")
        assert path.parent.stat().st_mode & 0o077 == 0
    assert not path.exists()
    with browsed(False) as show:
        show("http://127.0.0.1:9/")
    assert len(opened) == 1
    assert '"0; url=http://127.0.0.1:9/?token=secret&amp;more"' in redirect("http://127.0.0.1:9/?token=secret&more")
