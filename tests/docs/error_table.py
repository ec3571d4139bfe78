"""The errors of comove as its source raises them, and the part of the page they make.

``python -m tests.docs.error_table`` writes that part of ``docs/troubleshooting.md`` anew.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from comove.home import project_root

PAGE = project_root() / "docs" / "troubleshooting.md"
BEGIN = "<!-- made by `python -m tests.docs.error_table`; do not edit below -->"
BASE = "ComoveError"


@dataclass(frozen=True, order=True)
class Message:
    """What one `raise` says; what is only known when it happens is an ellipsis."""

    error: str
    found: str
    where: str
    remedy: str


@cache
def trees() -> tuple[ast.Module, ...]:
    root = project_root()
    files = [*(root / "include").rglob("*.py"), *(root / "plugins").rglob("*.py")]
    return tuple(ast.parse(file.read_text()) for file in sorted(files))


@cache
def classes() -> dict[str, str]:
    """Subclasses of `ComoveError` by name, with the first line of what they say."""
    defined = [
        node
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]
    found: dict[str, str] = {BASE: ""}
    while True:
        more = {
            node.name: (ast.get_docstring(node) or "").splitlines()[0]
            for node in defined
            if any(_name(base) in found for base in node.bases) and node.name not in found
        }
        if not more:
            return dict(sorted((name, said) for name, said in found.items() if said))
        found |= more


@cache
def messages() -> tuple[Message, ...]:
    """Every message that is written where the error is made."""
    found = {
        message
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _name(node.func) in classes()
        for message in _messages(node)
    }
    return tuple(sorted(found, key=lambda one: (one.error, one.found.lower(), one)))


def generated() -> str:
    """The part of the page that follows from the source."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    for name, said in classes().items():
        yield f"\n### {name}\n\n{said}"
        rows = [one for one in messages() if one.error == name]
        if rows:
            yield "\n| it says | about | what to do |\n|---|---|---|"
        for one in rows:
            yield f"| {_cell(one.found)} | {_cell(one.where)} | {_cell(one.remedy)} |"


def _messages(call: ast.Call) -> Iterator[Message]:
    named = {one.arg: _text(one.value) for one in call.keywords if one.arg}
    if not {"where", "remedy"} <= set(named):
        return
    # A refused file is named by its rule first.
    place = 1 if _name(call.func) == "RefusedFileError" else 0
    found = _text(call.args[place]) if len(call.args) > place else named.get("found", "…")
    yield Message(_name(call.func), found, named["where"], named["remedy"])


def _name(node: ast.expr) -> str:
    return getattr(node, "id", getattr(node, "attr", ""))


def _text(node: ast.expr) -> str:
    """What an expression writes, as far as the source says."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    if isinstance(node, ast.IfExp):
        return " / ".join(dict.fromkeys((_text(node.body), _text(node.orelse))))
    return "…"


def _cell(text: str) -> str:
    plain = re.sub(r"\s+", " ", re.sub(r"…(?:\s*…)*", "…", text)).strip()
    # Names of Markdown and HTML would be taken for markup.
    plain = plain.replace("<", "&lt;").replace("*", "\\*").replace("|", "\\|")
    return plain or "…"


def write(page: Path = PAGE) -> None:
    """Write the generated part anew."""
    head, _, _ = page.read_text().partition(BEGIN)
    page.write_text(head + BEGIN + "\n" + generated())


if __name__ == "__main__":
    write()
