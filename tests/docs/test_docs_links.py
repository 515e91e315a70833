"""Links, quoted paths and the index of the pages."""

import re

import pytest

from tests.docs.pages import CHECKOUT, DOCS, Page, pages

_PATH = re.compile(r"(mcucc|runtime_c|templates|tests|boards|docs|bench|examples)/[\w./-]+")


@pytest.mark.parametrize("page", pages(), ids=str)
def test_relative_links_resolve(page: Page) -> None:
    for link in page.links:
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.path.parent / target).resolve() if target else page.path
        assert path.exists(), f"{page}: {link}"
        assert path.is_relative_to(CHECKOUT), f"{page}: {link} leaves the checkout"
        assert not anchor or anchor in Page(path).anchors, f"{page}: {link} has no such heading"


@pytest.mark.parametrize("page", pages(), ids=str)
def test_quoted_paths_exist(page: Page) -> None:
    for span in page.spans:
        if _PATH.fullmatch(span):
            assert (CHECKOUT / span).exists(), f"{page}: {span}"


def test_the_index_names_every_page() -> None:
    index = Page(DOCS / "README.md")
    named = {(DOCS / link.partition("#")[0]).resolve() for link in index.links}
    assert {page.path for page in pages() if page.path.is_relative_to(DOCS)} - {index.path} <= named
