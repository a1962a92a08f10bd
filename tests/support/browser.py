"""Headless Chromium, one for all tests of a process: open a page, read, click."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

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
Found = TypeVar("Found")


class _Chromium:
    """The program, driven from a thread of its own: Playwright leaves a running event loop in the one it is in."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._driver, self.browser = self.do(self._begin)

    def _begin(self) -> tuple[Any, Any]:
        from playwright.sync_api import sync_playwright

        driver = sync_playwright().start()
        return driver, driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])

    def do(self, work: Callable[[], Found]) -> Found:
        """Do something in that thread."""
        return self._thread.submit(work).result()

    def close(self) -> None:
        """End the program."""
        self.do(self.browser.close)
        self.do(self._driver.stop)
        self._thread.shutdown()


class Seen:
    """A page as a person sees it, once a text is there."""

    def __init__(self, chromium: _Chromium, page: Any, wait: str) -> None:
        self._chromium, self._page = chromium, page
        chromium.do(lambda: page.get_by_text(wait).first.wait_for(timeout=_PATIENCE))

    @property
    def url(self) -> str:
        return self._chromium.do(lambda: str(self._page.url))

    @property
    def text(self) -> str:
        """All that stands on it now."""
        return self._chromium.do(lambda: str(self._page.inner_text("body")))

    def shows(self, text: str) -> bool:
        """Whether the text can be seen: it is there, and nothing lies over it once it is scrolled to."""

        def look() -> bool:
            element = self._page.get_by_text(text).first
            element.wait_for(timeout=_PATIENCE)
            element.scroll_into_view_if_needed()
            return bool(element.evaluate(_ON_TOP))

        return self._chromium.do(look)

    def shows_picture(self, name: str) -> bool:
        """Whether a picture of that name was loaded."""

        def look() -> bool:
            picture = self._page.locator(f"img[src*='{name}']").first
            picture.wait_for(timeout=_PATIENCE)
            return bool(picture.evaluate("one => one.decode().then(() => one.naturalWidth > 1, () => false)"))

        return self._chromium.do(look)

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript is worth on it."""
        return self._chromium.do(lambda: self._page.evaluate(expression))

    def click(self, text: str, *, wait: str) -> "Seen":
        """One click on the first link of that text; MLflow opens some links in a tab of their own."""

        def click() -> Any:
            link = self._page.get_by_role("link", name=text, exact=True).first
            link.wait_for(timeout=_PATIENCE)
            if link.get_attribute("target") == "_blank":
                with self._page.context.expect_page() as opened:
                    link.click()
                return opened.value
            link.click()
            return self._page

        return Seen(self._chromium, self._chromium.do(click), wait)

    def part(self, selector: str) -> str:
        """What stands in one part of it now."""
        return self._chromium.do(lambda: str(self._page.locator(selector).inner_text()))

    def press(self, name: str) -> None:
        """One click on a button."""
        self._chromium.do(lambda: self._page.get_by_role("button", name=name, exact=True).click())

    def slide(self, label: str, value: str) -> None:
        """Move a slider."""
        self._chromium.do(lambda: self._page.get_by_label(label).fill(value))

    def width(self, of: int) -> int:
        """How wide the page is on a screen of so many pixels."""

        def look() -> int:
            self._page.set_viewport_size({"width": of, "height": 800})
            return int(self._page.evaluate("document.documentElement.scrollWidth"))

        return self._chromium.do(look)


class Browser:
    """Chromium as one test sees it: nothing is left of what others did."""

    def __init__(self, chromium: _Chromium) -> None:
        self._chromium = chromium
        self._context = chromium.do(self._begin)

    def _begin(self) -> Any:
        context = self._chromium.browser.new_context(viewport={"width": 1500, "height": 1300})
        context.set_default_timeout(_PATIENCE)
        return context

    def open(self, url: str, wait: str) -> Seen:
        """Go to an address in a tab of its own, and wait until a text is there."""

        def go() -> Any:
            page = self._context.new_page()
            page.goto(url)
            return page

        return Seen(self._chromium, self._chromium.do(go), wait)

    def close(self) -> None:
        """Forget all of it."""
        self._chromium.do(self._context.close)


@pytest.fixture(scope="session")
def chromium() -> Iterator[_Chromium]:
    """The one program."""
    one = _Chromium()
    yield one
    one.close()


@pytest.fixture
def browser(chromium: _Chromium) -> Iterator[Browser]:
    """A browser of the test's own."""
    one = Browser(chromium)
    yield one
    one.close()
