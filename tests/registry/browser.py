"""Headless Chromium on MLflow's pages: open, read, click."""

import shutil
from types import TracebackType
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
_PATIENCE = 60_000
"""Milliseconds to wait for a text; pages appear in one or two seconds on a machine that is not busy."""

_ON_TOP = """one => {
    const box = one.getBoundingClientRect();
    const top = document.elementFromPoint(box.left + Math.min(box.width, 60) / 2, box.top + box.height / 2);
    return one === top || one.contains(top) || (top !== null && top.contains(one));
}"""


class Seen:
    """A page as a person sees it."""

    def __init__(self, page: Any, wait: str) -> None:
        self._page = page
        page.get_by_text(wait).first.wait_for(timeout=_PATIENCE)

    @property
    def url(self) -> str:
        return str(self._page.url)

    def shows(self, text: str) -> bool:
        """Whether the text can be seen: it is there, and nothing lies over it once it is scrolled to."""
        found = self._page.get_by_text(text).first
        found.wait_for(timeout=_PATIENCE)
        found.scroll_into_view_if_needed()
        return bool(found.evaluate(_ON_TOP))

    def shows_picture(self, name: str) -> bool:
        """Whether a picture of that name was loaded."""
        picture = self._page.locator(f"img[src*='{name}']").first
        picture.wait_for(timeout=_PATIENCE)
        return bool(picture.evaluate("one => one.decode().then(() => one.naturalWidth > 1, () => false)"))

    def click(self, text: str, *, wait: str) -> "Seen":
        """One click on the first link of that text; MLflow opens some links in a tab of their own."""
        link = self._page.get_by_role("link", name=text, exact=True).first
        link.wait_for(timeout=_PATIENCE)
        if link.get_attribute("target") == "_blank":
            with self._page.context.expect_page() as opened:
                link.click()
            return Seen(opened.value, wait)
        link.click()
        return Seen(self._page, wait)

    def shot(self, path: Any) -> None:
        """Take a picture."""
        self._page.screenshot(path=str(path))


class Browser:
    """Chromium, for the length of a ``with``."""

    def __enter__(self) -> "Browser":
        from playwright.sync_api import sync_playwright

        self._driver = sync_playwright().start()
        self._browser = self._driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        self._context = self._browser.new_context(viewport={"width": 1500, "height": 1300})
        self._context.set_default_timeout(_PATIENCE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._browser.close()
        self._driver.stop()

    def open(self, url: str, wait: str) -> Seen:
        """Go to an address in a tab of its own, and wait until a text is there."""
        page = self._context.new_page()
        page.goto(url)
        return Seen(page, wait)
