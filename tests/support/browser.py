"""A browser without a window, for tests of pages; where there is none they are skipped with the reason."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

#: Chromium as Debian, Ubuntu and others call it.
NAMES = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")


@contextmanager
def opened(address: str, wait: str) -> Iterator:
    """A page of Playwright's at an address, once `wait`, a selector, is there.

    What it asks for and what goes wrong in it are in its lists `asked` and `wrong`; the latter must be empty
    at the end.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on the path: on Debian, apt install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path)
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.asked, page.wrong = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("console", lambda told: page.wrong.append(told.text) if told.type == "error" else None)
        page.goto(address)
        page.wait_for_selector(wait, state="attached", timeout=60_000)
        yield page
        assert page.wrong == []
        browser.close()
