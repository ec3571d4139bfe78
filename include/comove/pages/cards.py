"""Model cards, shown beside what is published of a model."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markupsafe import Markup

from comove.home import Home
from comove.pages.files import NoSuchFileError, page_file
from comove.pages.published import Published

REGISTRY = "audit.model_registry"
_BELOW = "artifacts/"
# Tags in a card stay text: names of features and runs come from the data.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def card_of(home: Home, published: Published, version: str) -> Markup | None:
    """Give a model's card as HTML.

    Parameters
    ----------
    home : Home
        Whose artifacts hold it.
    published : Published
        The published copy, whose registry says where it lies.
    version : str
        ``model_version``.

    Returns
    -------
    Markup or None
        None for a model without a card.
    """
    if REGISTRY not in published.tables():
        return None
    rows = published.query(
        "select card_path from audit.model_registry where model_version = $version",
        {"version": version},
    )
    path = rows[0]["card_path"] if rows else None
    if not path or not path.startswith(_BELOW):
        return None
    try:
        file = page_file(home.artifacts, path.removeprefix(_BELOW))
    except NoSuchFileError:
        return None
    return Markup(_MARKDOWN.render(file.read_text(encoding="utf-8")))  # noqa: S704
