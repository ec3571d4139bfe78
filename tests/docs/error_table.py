"""The errors of comove as its source raises them, and the part of the page they make.

``python -m tests.docs.error_table`` writes that part of ``docs/troubleshooting.md`` anew.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

from comove.home import project_root

PAGE = project_root() / "docs" / "troubleshooting.md"
BEGIN = "<!-- made by `python -m tests.docs.error_table`; do not edit below -->"
BASE = "ComoveError"
WORDS = re.compile("[A-Za-z]{2}")


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
        for function, call in _calls(tree)
        if _name(call.func) in classes()
        for message in _messages(call, tree, function)
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


def _calls(
    node: ast.AST, function: ast.FunctionDef | None = None
) -> Iterator[tuple[ast.FunctionDef | None, ast.Call]]:
    """Every call below a node, with the function it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield function, child
        inner = child if isinstance(child, ast.FunctionDef) else function
        yield from _calls(child, inner)


def _messages(
    call: ast.Call, tree: ast.Module, function: ast.FunctionDef | None
) -> Iterator[Message]:
    named = {one.arg: one.value for one in call.keywords if one.arg}
    if not {"where", "remedy"} <= set(named):
        return
    # A refused file is named by its rule first.
    place = 1 if _name(call.func) == "RefusedFileError" else 0
    said = call.args[place] if len(call.args) > place else named.get("found")
    where, remedy = _text(named["where"]), _text(named["remedy"])
    for found in _found(said, tree, function):
        yield Message(_name(call.func), found, where, remedy)


def _found(
    said: ast.expr | None, tree: ast.Module, function: ast.FunctionDef | None
) -> set[str]:
    """Texts of an expression; where it has no words, of what its names stand for."""
    if said is None:
        return {"…"}
    if WORDS.search(_text(said)):
        return {_text(said)}
    parts = said.values if isinstance(said, ast.JoinedStr) else [said]
    texts = (_resolved(part, tree, function) for part in parts)
    return {"".join(some) for some in product(*texts)}


def _resolved(
    part: ast.expr, tree: ast.Module, function: ast.FunctionDef | None
) -> set[str]:
    value = part.value if isinstance(part, ast.FormattedValue) else part
    if not isinstance(value, ast.Name):
        return {_text(value)}
    given = [*_assigned(value.id, tree.body), *_imported(value.id, tree)]
    if function is not None:
        given += [*_assigned(value.id, ast.walk(function))]
        given += [*_handed(value.id, tree, function)]
    return {_text(one) for one in given} or {"…"}


def _imported(name: str, tree: ast.Module) -> Iterator[ast.expr]:
    """A constant that another file of ours holds."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and name in {one.name for one in node.names}:
            file = project_root() / "include" / f"{node.module}".replace(".", "/")
            if file.with_suffix(".py").is_file():
                other = ast.parse(file.with_suffix(".py").read_text())
                yield from _assigned(name, other.body)


def _assigned(name: str, nodes: Iterable[ast.AST]) -> Iterator[ast.expr]:
    for node in nodes:
        if isinstance(node, ast.Assign) and name in map(_name, node.targets):
            yield node.value


def _handed(name: str, tree: ast.Module, function: ast.FunctionDef) -> Iterator[ast.expr]:
    """What the callers of a function hand over as one of its parameters."""
    names = [one.arg for one in function.args.args]
    if name not in names:
        return
    place = names.index(name)
    for _, call in _calls(tree):
        if _name(call.func) == function.name and len(call.args) > place:
            yield call.args[place]


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
    if isinstance(node, ast.Call) and _name(node.func) == "join":
        return "".join(map(_text, node.args))
    if isinstance(node, ast.GeneratorExp):
        return _text(node.elt)
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
