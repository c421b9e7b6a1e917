"""The site builds without a warning; what it takes from elsewhere in the repository is there."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built strictly: what mkdocs warns of ends it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


def hooks():
    """docs/hooks.py."""
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def modules(package, folder):
    """Modules of a package that its users may see, by their dotted names."""
    for path in (ROOT / folder / package).rglob("*.py"):
        if path.stem[0] != "_":
            yield ".".join(path.relative_to(ROOT / folder).with_suffix("").parts)


def anchors(text):
    """What links may point at in a page."""
    return set(re.findall(r'\bid="([^"]+)"', text))


def dead_links(folder):
    """Links and pictures of the pages in `folder` that lead nowhere there."""
    pages = {path: path.read_text() for path in sorted(folder.rglob("*.html")) if path.name != "404.html"}
    there = {path: anchors(text) for path, text in pages.items()}
    for page, text in pages.items():
        for link in re.findall(r'\b(?:href|src)="([^"]+)"', text):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if re.match(r"\w+:|//", link) or anchor.startswith("__"):  # elsewhere; the theme's own
                continue
            if not target.is_file() or (anchor and anchor not in there.get(target, {anchor})):
                yield f"{page.relative_to(folder)}: {link}"


#: What a browser fetches by itself from another host.
LOADS = re.compile(
    r"""<(?:script|img|iframe|link)\b(?![^>]*rel="(?:canonical|next|prev)")[^>]*(?:src|href)="(?:\w+:)?//"""
)


def test_the_site_builds_without_a_warning(site):
    assert (site / "index.html").is_file() and (site / "gallery.html").is_file()


def test_every_module_of_every_package_has_its_place_in_the_api(site):
    found = set().union(*(anchors(page.read_text()) for page in site.glob("api/*/*.html")))
    for package, folder in hooks().PACKAGES.items():
        assert [name for name in modules(package, folder) if name not in found] == []


def test_every_package_folder_is_in_the_list_of_the_api_and_one_click_away(site):
    text = (site / "api" / "index.html").read_text()
    for place in hooks().api_pages():
        assert f'href="{place[4:-3]}.html"' in text or place == "api/index.md", place


def test_every_link_between_the_sites_pages_leads_somewhere(site):
    assert list(dead_links(site)) == []


def test_a_link_to_no_page_and_one_to_no_heading_are_noticed(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#here"><a href="b.html#there"><img src="c.png">')
    (tmp_path / "b.html").write_text(
        '<h1 id="here"><a href="#gone"><a href="a.html"><a href="https://x.org/y">'
    )
    assert list(dead_links(tmp_path)) == ["a.html: b.html#there", "a.html: c.png", "b.html: #gone"]


def test_the_site_asks_nothing_of_other_hosts(site):
    assert [page.name for page in site.rglob("*.html") if LOADS.search(page.read_text())] == []


@pytest.mark.parametrize(
    "text", ['<script src="https://unpkg.com/x">', '<link rel="stylesheet" href="//x/y">']
)
def test_what_a_page_loads_from_another_host_is_noticed(text):
    assert LOADS.search(text) and not LOADS.search('<script src="assets/x.js">')


def test_a_file_opened_without_a_server_can_be_searched(site):
    index = (site / "search" / "search_index.js").read_text()
    assert index.startswith("var __index = ")
    titles = {entry["title"] for entry in json.loads(index.removeprefix("var __index = "))["docs"]}
    assert {"Gallery", "API", "yoso_hw.core"} <= titles
    assert "assets/iframe-worker.js" in (site / "index.html").read_text()
