"""Help and complaints about the command line in Chinese, where the terminal speaks it.

Commands carry their help in English, as docstrings and ``help=``; ``scripts/messages.py`` collects it. What click
itself says is looked up by its own gettext, which is pointed at the same catalogue.
"""

from __future__ import annotations

import copy
import gettext
import inspect
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from . import language

__all__ = ["CLICK", "Context", "Formatter", "activate", "in_chinese", "wrapped"]

DIRECTORY = Path(__file__).resolve().parents[2] / "locale"
CHINESE = "zh_Hans"
CLOSING = "[，。；：、）》”？！]"
CLICK = (
    "Aborted!",
    "Commands",
    "Could not open file {filename!r}: {message}",
    "Error: {message}",
    "Invalid value for {param_hint}: {message}",
    "Invalid value: {message}",
    "Missing argument",
    "Missing command.",
    "Missing option",
    "Missing parameter",
    "No such command {name!r}.",
    "No such option {name!r}.",
    "Option {name!r} does not take a value.",
    "Options",
    "Show the version and exit.",
    "Show this message and exit.",
    "Try '{command} {option}' for help.",
    "Usage:",
    "default: {default}",
    "directory",
    "file",
    "path",
    "required",
    "{name} {filename!r} does not exist.",
    "{name} {filename!r} is a directory.",
    "{name} {filename!r} is a file.",
    "{name} {filename!r} is not readable.",
    "{value!r} is not a valid {number_type}.",
    "{value} is not in the range {range}.",
)
"""Msgids of click (8) that a person meets."""
CLICK_PLURALS = (
    ("Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})"),
    ("Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments."),
    ("{value!r} does not match the format {format}.", "{value!r} does not match the formats {formats}."),
    ("{value!r} is not {choice}.", "{value!r} is not one of {choices}."),
)


class Formatter(click.HelpFormatter):
    """Breaks Chinese lines by the columns they take, two a character, and between any two characters."""

    def write_text(self, text: str) -> None:
        super().write_text(_kept(text, self.width - self.current_indent))

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        rows = list(rows)
        first = min(max((len(name) for name, _ in rows), default=0), col_max) + col_spacing
        room = max(self.width - first - 2, 10)
        super().write_dl([(name, _kept(said, room)) for name, said in rows], col_max, col_spacing)


class Context(click.Context):
    """Of commands whose help is Chinese."""

    formatter_class = Formatter


def activate() -> bool:
    """Let click speak Chinese if the terminal does; says whether it does."""
    if language.of(os.environ) != language.CHINESE:
        return False
    gettext.bindtextdomain("django", DIRECTORY)
    gettext.textdomain("django")
    os.environ["LANGUAGE"] = CHINESE  # what click's gettext goes by, wherever the choice came from
    return True


def in_chinese(command: click.Command) -> click.Command:
    """A copy of the command, and of those below it, with translated help."""
    say = gettext.translation("django", DIRECTORY, [CHINESE], fallback=True).gettext
    command = copy.copy(command)
    command.context_class = Context
    command.params = [copy.copy(parameter) for parameter in command.params]
    if command.help:
        command.help = say(inspect.cleandoc(command.help))
        command.short_help = re.split(r"(?<=。)|\n", command.help, maxsplit=1)[0].removesuffix("。")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            parameter.help = parameter.help and say(parameter.help)
            if isinstance(parameter.type, click.Path) and not parameter.metavar:
                parameter.metavar = "PATH"  # click's is a translated word, which breaks the column
    if isinstance(command, click.Group):
        command.commands = {name: in_chinese(below) for name, below in command.commands.items()}
    return command


def wrapped(text: str, width: int) -> Iterator[str]:
    """Lines of at most ``width`` columns; no line begins with a mark that ends a clause, no Latin word is broken.

    >>> list(wrapped("目录已有数据。另选一个（--data）。", 16))
    ['目录已有数据。另', '选一个', '（--data）。']
    """
    line, columns = "", 0
    for piece in re.findall(rf"[（《“]*(?:[ -~]+?(?: +|(?=[^ -~])|$)|[^ -~]){CLOSING}*", text):
        taken = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in piece.rstrip())
        if line and columns + taken > width:
            yield line.rstrip()
            line, columns = "", 0
            piece = piece.lstrip()
        line += piece
        columns += taken + len(piece) - len(piece.rstrip())
    if line:
        yield line.rstrip()


def _kept(text: str, width: int) -> str:
    """Paragraphs broken here, marked so that click leaves them as they are ("\\b")."""
    if text.isascii():
        return text
    paragraphs = (" ".join(p.split()) for p in text.split("\n\n"))
    return "\n\n".join("\b\n" + "\n".join(wrapped(p, width)) for p in paragraphs)
