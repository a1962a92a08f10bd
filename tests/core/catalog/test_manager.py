"""Strangers' plugins load beside ours; one that fails is remembered and harms no other."""

import importlib.metadata

import pytest

from steerstack.catalog.listing import plugin_rows
from steerstack.catalog.lookup import find
from steerstack.catalog.manager import GROUP, KINDS, PluginManager
from steerstack.errors import PluginError

OURS = "steerstack_plugins.probes.offer"
GOOD = """
    from steerstack.contracts import Extractor
    from steerstack.catalog.hookspecs import hookimpl

    class Spin(Extractor):
        name = "spin"

        def fit(self, pairs):
            return {}

    @hookimpl
    def steerstack_extractors():
        return [Spin]
"""
BROKEN = {
    "raises": "raise RuntimeError('no licence today')",
    "imports": "import a_module_that_nobody_has",
    "syntax": "def (",
    "misspelt": GOOD.replace("steerstack_extractors", "steerstack_extractor"),
    "arguments": GOOD.replace("steerstack_extractors()", "steerstack_extractors(model)"),
    "exits": "raise SystemExit('needs a GPU')",
}
CAUSES = {
    "raises": "RuntimeError: no licence today", "imports": "ModuleNotFoundError", "syntax": "SyntaxError",
    "misspelt": "steerstack_extractor", "arguments": "model", "exits": "needs a GPU",
}  # fmt: skip


def ours():
    return importlib.metadata.EntryPoint("probes", OURS, GROUP)


def test_a_stranger_is_found_under_its_package(install):
    manager = PluginManager([install("lab-kit", GOOD)])
    assert list(manager.offers("extractor")) == ["lab-kit/spin"]
    assert manager.offers("extractor")["lab-kit/spin"].name == "spin"
    assert manager.failed == []
    (loaded,) = manager.loaded
    assert (loaded.name, loaded.package, loaded.version, loaded.cause) == ("extra", "lab-kit", "1.2.3", None)


def test_two_strangers_may_use_one_name(install):
    manager = PluginManager([install("lab-kit", GOOD), install("other-kit", GOOD)])
    assert sorted(manager.offers("extractor")) == ["lab-kit/spin", "other-kit/spin"]


def test_one_package_may_not_use_a_name_twice(install):
    twice = GOOD.replace("return [Spin]", "return [Spin, type('Other', (Spin,), {})]")
    with pytest.raises(PluginError, match="Two plugins offer 'lab-kit/spin'"):
        PluginManager([install("lab-kit", twice)]).offers("extractor")


def test_ours_go_by_their_bare_names(install, fresh):
    install("lab-kit", GOOD)
    offered = fresh().offers("extractor")
    assert "lab-kit/spin" in offered
    assert "mean-difference" in offered
    assert [name for name in offered if "/" in name] == ["lab-kit/spin"]
    assert find("extractor", "lab-kit/spin").name == "spin"


def test_an_entry_point_without_a_distribution_still_loads():
    manager = PluginManager([ours()])
    assert "unknown/logistic" in manager.offers("probe")
    assert manager.loaded[0].version == "unknown"


def test_no_plugins_offer_nothing():
    manager = PluginManager([])
    assert [manager.offers(kind) for kind in KINDS] == [{}] * len(KINDS)
    assert manager.loaded == []


@pytest.mark.parametrize("kind", BROKEN)
def test_one_that_fails_is_remembered_with_its_cause_and_the_others_work(install, kind):
    manager = PluginManager([install("bad-kit", BROKEN[kind]), install("lab-kit", GOOD), ours()])
    assert list(manager.offers("extractor")) == ["lab-kit/spin"]
    assert "unknown/logistic" in manager.offers("probe")
    (failed,) = manager.failed
    assert (failed.package, failed.version, failed.module) == ("bad-kit", "1.2.3", None)
    assert CAUSES[kind] in failed.cause


def test_a_hook_that_fails_when_called_harms_no_other(install):
    bad = GOOD.replace("return [Spin]", "raise RuntimeError('no licence today')")
    manager = PluginManager([install("bad-kit", bad), install("lab-kit", GOOD)])
    assert list(manager.offers("extractor")) == ["lab-kit/spin"]


def test_a_class_without_a_name_harms_no_other(install):
    bad = GOOD.replace('name = "spin"', "pass")
    manager = PluginManager([install("bad-kit", bad), install("lab-kit", GOOD)])
    assert list(manager.offers("extractor")) == ["lab-kit/spin"]


@pytest.mark.parametrize("entry", ["raises", "misspelt"])
def test_asking_for_one_that_failed_tells_why(install, fresh, entry):
    install("bad-kit", BROKEN[entry])
    with pytest.raises(PluginError, match="failed to import") as caught:
        find("extractor", "bad-kit/spin")
    assert CAUSES[entry] in str(caught.value)
    assert "bad-kit 1.2.3" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "typed", "meant"),
    [
        ("extractor", "mean_diference", "mean-difference"),
        ("baseline", "lora-stf", "lora-sft"),
        ("data-format", "truthfulq", "truthfulqa"),
        ("study", "stak", "stack"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(kind, typed, meant):
    with pytest.raises(PluginError, match=f"There is no {kind} called '{typed}'") as caught:
        find(kind, typed)
    assert f"did you mean '{meant}'?" in str(caught.value)
    assert find(kind, meant).name == meant


def test_an_unknown_kind_suggests_the_nearest():
    with pytest.raises(PluginError, match="did you mean 'extractor'"):
        find("extracter", "mean-difference")


def test_the_listing_shows_what_works_and_what_failed(install, fresh):
    install("lab-kit", GOOD)
    install("bad-kit", BROKEN["raises"], entry="wrong")
    rows = {(row["kind"], row["name"]): row for row in plugin_rows()}
    good, bad = rows["extractor", "lab-kit/spin"], rows["plugin", "wrong"]
    assert (good["package"], good["version"], good["status"], good["cause"]) == ("lab-kit", "1.2.3", "ok", None)
    assert (bad["package"], bad["version"], bad["status"]) == ("bad-kit", "1.2.3", "failed")
    assert "no licence today" in bad["cause"]
    assert rows["extractor", "mean-difference"]["package"] == "steerstack"
    assert [row["status"] for row in rows.values()].count("failed") == 1
