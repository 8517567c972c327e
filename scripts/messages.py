"""Translations: collect msgids, check that Chinese is complete, compile. No gettext tools are needed, Babel does it.

``update``   collects every msgid of an app into its locale/zh_Hans/LC_MESSAGES/django.po, keeping translations; a file
             that says the same already is not touched
``check``    fails and lists msgids without a Chinese translation, and translations with other placeholders
``compile``  writes the .mo files
"""

from __future__ import annotations

import ast
import io
import re
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "jintu"
KEYWORDS = {
    "_": None,
    "_noop": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|(?<!\{)\{\w*(?:[.:!][^{}]*)?\}(?!\})")
SENTENCE = re.compile(r"(?:[A-Z][\w-]* |\{\w+\}(?:, \{\w+\})? [a-z])[^\n]*[.}]")
FOR_PROGRAMMERS = re.compile(r"Error$|Configured$|^(?:echo|secho|debug|info|exception|pgettext)$")
# Sentences of commands that are not told by gettext are for programs; rules carry their words in both languages.
NOT_SHOWN = {"commands", "cli.py", "rules"}
HELP = {"commands", "cli.py"}
ERRORS = re.compile(r"(?:InputError|Unsupported|Refused|Conflict|NotAllowed|Missing|JintuError|Problem)$")

VOLATILE = re.compile(
    rb'(?:"(?:POT-Creation-Date|PO-Revision-Date|Report-Msgid-Bugs-To|Last-Translator|Language-Team|Generated-By'
    rb"|Project-Id-Version)|# (?:Translations|Copyright|This file|FIRST))"
)

TEMPLATE = re.compile(
    r"""\{%\s*(?:translate|trans)\s+(?P<q>["'])(?P<text>.*?)(?P=q)[^%]*%\}"""
    r"""|\{%\s*blocktrans(?:late)?(?P<opts>[^%]*)%\}(?P<body>.*?)\{%\s*endblocktrans(?:late)?\s*%\}"""
    r"""|_\((?P<q2>["'])(?P<text2>.*?)(?P=q2)\)""",
    re.S,
)


def apps() -> list[Path]:
    """Every package with templates or Python of its own, and the root for the kernel, config and commands."""
    found = [p.parent for p in PACKAGE.glob("*/*/apps.py")] + [PACKAGE / "ui"]
    return [*sorted(found), PACKAGE]


def sources(app: Path) -> list[Path]:
    others = [a for a in apps() if a != app and app in a.parents]
    files = [p for pattern in ("*.py", "*.html", "*.txt") for p in app.rglob(pattern)]
    skipped = {"tests", "migrations", "locale", "node_modules", "static"}
    return sorted(
        p for p in files if not skipped & set(p.relative_to(app).parts) and not any(o in p.parents for o in others)
    )


def python_ids(path: Path) -> list[str | tuple[str, str]]:
    """gettext calls, and the sentences and remedies of errors (they are translated where they are shown)."""
    text = path.read_text(encoding="utf-8")
    found: list[str | tuple[str, str]] = []
    for _line, message, _comments, _context in extract("python", io.BytesIO(text.encode()), KEYWORDS):
        if isinstance(message, tuple):
            found.append((message[0], message[1]))
        elif message:
            found.append(message)
    tree = ast.parse(text)
    for outer in ast.walk(tree):
        if isinstance(outer, ast.JoinedStr):  # Babel does not look into them
            found += [
                node.args[0].value
                for node in ast.walk(outer)
                if isinstance(node, ast.Call) and called(node) == "_" and isinstance(node.args[0], ast.Constant)
            ]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = called(node)
        if ERRORS.match(name) and node.args and isinstance(node.args[0], ast.Constant):
            if isinstance(node.args[0].value, str):
                found.append(node.args[0].value)
            found += [
                k.value.value
                for k in node.keywords
                if k.arg == "remedy" and isinstance(k.value, ast.Constant) and k.value.value
            ]
        if name == "kind":  # jobs.kind(…, title=…)
            found += [k.value.value for k in node.keywords if k.arg == "title" and isinstance(k.value, ast.Constant)]
    if HELP & set(path.relative_to(PACKAGE).parts):
        found += helps(tree)
    if not NOT_SHOWN & set(path.relative_to(PACKAGE).parts):
        found += sentences(tree)
    return found


def helps(tree: ast.AST) -> list[str | tuple[str, str]]:
    """What the command line says of itself: docstrings of commands, ``help=`` of options, and the words of click that
    `jintu.config.commands.helping` lists."""
    found: list[str | tuple[str, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (text := ast.get_docstring(node)):
            decorators = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
            if any(getattr(d, "attr", "") in ("command", "group") for d in decorators):
                found.append(text)
        elif isinstance(node, ast.keyword) and node.arg == "help" and isinstance(node.value, ast.Constant):
            found.append(node.value.value)
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("CLICK", "CLICK_PLURALS"):
            found += ast.literal_eval(node.value)
    return found


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def technical_call(name: str) -> bool:
    """Whether what is called is for programmers: an exception of Python or Django, a log line, a console line."""
    return bool(FOR_PROGRAMMERS.search(name)) and not ERRORS.match(name)


def sentences(tree: ast.AST) -> list[str]:
    """Whole sentences that are neither docstrings nor for programmers: errors are often made in two steps, with the
    sentence or remedy passed through a helper, and notices and conditional remedies carry theirs as bare text."""
    passed_over: set[int] = set()
    for node in ast.walk(tree):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        technical = isinstance(node, ast.Call) and technical_call(called(node))
        if docstring or technical or isinstance(node, (ast.Assert, ast.JoinedStr)):
            passed_over.update(id(x) for x in ast.walk(node))
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in passed_over
        and SENTENCE.fullmatch(node.value)
    ]


def template_ids(path: Path) -> list[str | tuple[str, str]]:
    found: list[str | tuple[str, str]] = []
    for match in TEMPLATE.finditer(path.read_text(encoding="utf-8")):
        text = match["text"] or match["text2"]
        # Django doubles the per cent signs of template texts before it looks them up.
        if text is not None:
            text = text.replace("%", "%%")
        else:
            text = re.sub(r"\{\{\s*(\w+)\s*\}\}", r"%(\1)s", match["body"].replace("%", "%%"))
            text = re.sub(r"\{%%(.*?)%%\}", r"{%\1%}", text)
            if "trimmed" in match["opts"]:
                text = " ".join(line.strip() for line in text.strip().splitlines())
            one, mark, many = re.split(r"(\{%\s*plural\s*%\})", text) if "{% plural" in text else (text, "", "")
            if mark:
                found.append((one, many))
                continue
        found.append(text)
    return found


def msgids(app: Path) -> list[str | tuple[str, str]]:
    found: dict[str | tuple[str, str], None] = {}
    for path in sources(app):
        for msgid in python_ids(path) if path.suffix == ".py" else template_ids(path):
            found[msgid] = None
    return list(found)


def po_path(app: Path) -> Path:
    return app / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"


def load(app: Path) -> Catalog:
    path = po_path(app)
    if not path.exists():
        return Catalog(locale="zh_Hans", project="Jintu")
    with path.open("rb") as stream:
        return read_po(stream, locale="zh_Hans")


def everything() -> dict[str, str | tuple[str, ...]]:
    """All translations of all apps: a msgid translated once serves everywhere."""
    known: dict[str, str | tuple[str, ...]] = {}
    for app in apps():
        for message in load(app):
            key = message.id[0] if isinstance(message.id, tuple) else message.id
            if key and message.string and (message.string if isinstance(message.string, str) else all(message.string)):
                known.setdefault(key, message.string)
    return known


def texts(catalog: Catalog) -> dict[str | tuple[str, ...], tuple[str, ...]]:
    """Translations by msgid, of one form or several; "" where there is none yet."""
    return {m.id: m.string if isinstance(m.string, tuple) else (m.string,) for m in catalog if m.id}


def update() -> None:
    known = everything()
    for app in apps():
        wanted = msgids(app)
        if not wanted:
            continue
        own = {m.id if isinstance(m.id, str) else m.id[0]: m.string for m in load(app) if m.id and m.string}
        catalog = Catalog(locale="zh_Hans", project="Jintu", fuzzy=False, charset="utf-8")
        for msgid in wanted:
            key = msgid[0] if isinstance(msgid, tuple) else msgid
            string = own.pop(key, None) or known.get(key, "")
            if isinstance(msgid, tuple) and isinstance(string, str):
                string = (string,)
            if isinstance(msgid, str) and isinstance(string, tuple):
                string = string[0]
            catalog.add(msgid, string)
        # Single words that are translated where they are shown, and cannot be told from other strings here.
        for key, string in own.items():
            catalog.add(key, string if isinstance(string, str) else string[0])
        if texts(catalog) == texts(load(app)):
            continue  # laid out otherwise at most: a rewritten file would collide with those of other branches
        path = po_path(app)
        path.parent.mkdir(parents=True, exist_ok=True)
        written = io.BytesIO()
        write_po(written, catalog, width=110, no_location=True, sort_output=True, omit_header=False)
        # dates and empty names would make every file differ after every run, and branches collide
        path.write_bytes(b"".join(line for line in written.getvalue().splitlines(True) if not VOLATILE.match(line)))


def placeholders(text: str) -> list[str]:
    """The placeholders of a message, sorted: a translation has exactly those of its msgid, in any order."""
    return sorted(PLACEHOLDER.findall(text))


def mismatches() -> list[str]:
    """Translations whose placeholders differ from their msgid's (a plural's one form may follow either msgid)."""
    found = []
    for app in apps():
        for message in load(app):
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            strings = (message.string,) if isinstance(message.string, str) else tuple(message.string)
            allowed = [placeholders(i) for i in ids]
            found += [
                f"{app.relative_to(ROOT)}: {ids[0]!r} and {text!r} have different placeholders"
                for text in strings
                if ids[0] and text and placeholders(text) not in allowed
            ]
    return found


def check() -> int:
    known = everything()
    lacking = 0
    for app in apps():
        for msgid in msgids(app):
            key = msgid[0] if isinstance(msgid, tuple) else msgid
            if key not in known:
                lacking += 1
                print(f"{app.relative_to(ROOT)}: {key!r}")
    wrong = mismatches()
    for line in wrong:
        print(line)
    if lacking:
        print(f"{lacking} msgids without a Chinese translation")
    if wrong:
        print(f"{len(wrong)} translations with other placeholders than their msgid")
    if not lacking and not wrong:
        print("translations complete")
    return 1 if lacking or wrong else 0


def compile_all() -> None:
    for app in apps():
        path = po_path(app)
        if path.exists():
            with path.with_suffix(".mo").open("wb") as stream:
                write_mo(stream, load(app))


if __name__ == "__main__":
    act = sys.argv[1] if len(sys.argv) > 1 else ""
    if act == "update":
        update()
    elif act == "check":
        raise SystemExit(check())
    elif act == "compile":
        compile_all()
    else:
        raise SystemExit(__doc__)
