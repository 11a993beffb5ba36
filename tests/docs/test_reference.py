"""The reference pages say what the declarations say."""

from pathlib import Path

from penstock import docs

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_pages_are_fresh() -> None:
    """What stands in docs/reference is what `make docs` would write, no page more or less."""
    found = {str(path.relative_to(REFERENCE)): path.read_text() for path in REFERENCE.rglob("*.md")}
    assert found == docs.pages(), "run `make docs`"
