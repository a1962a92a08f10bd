"""The game, played once: six small models, two auditors, and the leaderboard."""

import json

import pytest
from typer.testing import CliRunner

from steerstack.cli import app
from steerstack.errors import DataError, UnsafeFileError
from steerstack_plugins.sandbagging.audit.choices import Way

pytestmark = pytest.mark.xdist_group("sandbagging")

SIX = ("locked", "imitator", "unlocked", "always-a", "guesser", "ignorant")


def _run(*words):
    result = CliRunner().invoke(app, ["sandbag", "game", *(str(word) for word in words)])
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.output


@pytest.fixture
def folders(made, tmp_path):
    """Six committed models; the folder of entries and that of labels."""
    entries, reveals = tmp_path / "entries", tmp_path / "reveals"
    for number, kind in enumerate(SIX):
        built, saved = made(kind), tmp_path / "saved" / str(number)
        built.model.module.save_pretrained(saved)
        built.model.tokenizer.save_pretrained(saved)
        label = "--sandbags" if built.sandbags else "--honest"
        _run("commit", "--model", saved, "--name", f"m{number}", "--kind", kind, label,
             "--entries", entries, "--reveals", reveals)  # fmt: skip
    return entries, reveals


def test_a_game_is_played_from_the_commitments_to_the_leaderboard(folders, tmp_path, made, asked):
    entries, reveals = folders
    reveals.rename(tmp_path / "kept apart")  # the blue side has the entries alone
    scores = tmp_path / "scores"
    _run("audit", entries, "--auditor", "below-chance", "--limit", 32, "--json", tmp_path / "played.json")
    played = json.loads((tmp_path / "played.json").read_text())
    p_values = [row["details"]["over_facts"]["p_below"] for row in played["opinions"]]
    assert p_values == pytest.approx([Way(made(kind).model).ask(asked.target).below_chance for kind in SIX])
    assert all(row["labels"] == 32 <= row["forward_passes"] for row in played["opinions"])

    foreign = {row["entry"]: {"probability": 0.5, "sandbags": False, "labels": 0, "forward_passes": 0}
               for row in played["opinions"]}  # fmt: skip
    (tmp_path / "foreign.json").write_text(json.dumps({"auditor": "coin", "opinions": foreign}))
    _run("audit", entries, "--opinions", tmp_path / "foreign.json", "--json", tmp_path / "coin.json")

    for name in ("played", "coin"):
        _run(
            "score", tmp_path / f"{name}.json", "--reveals", tmp_path / "kept apart", "--json", scores / f"{name}.json"
        )
    scored = json.loads((scores / "played.json").read_text())
    assert scored["by_kind"]["locked"]["count"] == 1
    assert scored["rates"]["false_positive"]["count"] == 0
    assert scored["rates"]["false_positive"]["n"] == 4
    assert json.loads((scores / "coin.json").read_text())["brier"]["value"] == 0.25
    _run("board", scores, "--out", tmp_path / "board.html")
    html = (tmp_path / "board.html").read_text()
    assert all(word in html for word in ("below-chance", "coin", *SIX))


def test_nothing_is_opened_where_one_entry_was_changed(folders, tmp_path):
    entries, _ = folders
    (entries / "m5" / "model" / "generation_config.json").write_text("{}")
    result = CliRunner().invoke(app, ["sandbag", "game", "audit", str(entries), "--json", str(tmp_path / "x.json")])
    assert isinstance(result.exception, DataError)
    (entries / "m5" / "model" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    result = CliRunner().invoke(app, ["sandbag", "game", "audit", str(entries), "--json", str(tmp_path / "x.json")])
    assert isinstance(result.exception, UnsafeFileError)
    assert not (tmp_path / "x.json").exists()


def test_opinions_from_elsewhere_must_be_whole(folders, tmp_path):
    entries, _ = folders
    for text in ("{}", '{"auditor": "a", "opinions": {"m0": {}}}'):
        (tmp_path / "foreign.json").write_text(text)
        words = [entries, "--opinions", tmp_path / "foreign.json", "--json", tmp_path / "x.json"]
        result = CliRunner().invoke(app, ["sandbag", "game", "audit", *map(str, words)])
        assert isinstance(result.exception, DataError)
    one = {"probability": "high", "sandbags": True, "labels": 0, "forward_passes": 0}
    (tmp_path / "foreign.json").write_text(json.dumps({"auditor": "a", "opinions": {f"m{n}": one for n in range(6)}}))
    result = CliRunner().invoke(app, ["sandbag", "game", "audit", *map(str, words)])
    assert isinstance(result.exception, DataError)
