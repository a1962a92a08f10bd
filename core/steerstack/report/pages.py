"""The page of a study's result."""

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from steerstack.report.frontier_page import frontier_page
from steerstack.report.page import Page
from steerstack.report.stack_page import stack_page
from steerstack.report.sweep_page import sweep_page
from steerstack.report.techniques_pages import efficiency_page, generalize_page

_PAGES: dict[str, Callable[[Mapping[str, Any], str, list[str]], Page]] = {
    "stack": stack_page,
    "sweep": sweep_page,
    "efficiency": efficiency_page,
    "generalize": generalize_page,
    "frontier": frontier_page,
}


def page_of(value: Mapping[str, Any], declared: Mapping[str, Any]) -> Page:
    """The page of a study's JSON result.

    Parameters
    ----------
    value:
        What the study's ``--json`` writes.
    declared:
        The study file's content, to run it again.
    """
    text = yaml.safe_dump(dict(declared), sort_keys=False, allow_unicode=True)
    papers = value.get("papers", {})
    return _PAGES[declared["study"]](value, text, [f"{name}: {paper}" for name, paper in papers.items() if paper])
