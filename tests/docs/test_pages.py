"""The hand-written pages name what is there: tests, parameters, files and anchors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from infra.local_cloud.template import load

from penstock import tables

ROOT = Path(__file__).parents[2]
PAGES = [path for path in (ROOT / "docs").rglob("*.md") if "reference" not in path.parts] + [
    ROOT / "README.md", ROOT / "CHANGELOG.md",
]  # fmt: skip


def text_of(path: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(path: Path) -> set[str]:
    """What GitHub makes of the headings."""
    found = re.findall(r"^#+ (.*)$", text_of(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading in it."""
    for link in re.findall(r"\]\(([^)\s:]+)\)", text_of(page)):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_named_tests_exist(page: Path) -> None:
    """A guarantee is shown by the tests that its page names."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", text_of(page)))
    assert {name for name in named if f"def {name}(" not in code} == set()


def test_the_guide_has_every_parameter() -> None:
    """As README says."""
    guide = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    assert {name for name in load()["Parameters"] if f"`{name}`" not in guide} == set()


def test_the_readme_names_every_table() -> None:
    """Its list is written by hand."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {
        name for name in tables.names() if f"[`{name}`](docs/reference/tables/{name}.md)" not in readme
    } == set()
