"""The command line explains itself in the language of the terminal, every command of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jintu.cli import cli
from jintu.config.commands import helping


def walk(command: click.Command, context: click.Context, path: str = "jintu") -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from walk(below, context, f"{path} {name}")


def everything(root: click.Command) -> dict[str, str]:
    """What is said of each command and option."""
    said = {}
    for path, command in walk(root, root.context_class(root)):
        said[path] = command.help or ""
        for option in command.params:
            if isinstance(option, click.Option) and option.help:
                said[f"{path} {option.name}"] = option.help
    return said


def test_every_command_and_option_is_explained_in_both_languages() -> None:
    english, chinese = everything(cli), everything(helping.in_chinese(cli))
    assert len(english) > 130 and set(english) == set(chinese)
    assert not [path for path, said in chinese.items() if not re.search("[一-鿿]", said)]
    assert everything(cli) == english, "the commands themselves stay as they are"


@pytest.mark.parametrize(
    ("variables", "heading", "complaint"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "用法:", "缺少参数"),
        ({"LANG": "zh_CN.UTF-8", "JINTU_LANGUAGE": "en"}, "Usage:", "Missing argument"),
        ({"LANG": "C.UTF-8", "JINTU_LANGUAGE": "zh"}, "用法:", "缺少参数"),
        ({"LANG": "de_DE.UTF-8"}, "Usage:", "Missing argument"),
    ],
)
def test_the_terminal_says_which(variables: dict[str, str], heading: str, complaint: str) -> None:
    kept = {k: v for k, v in os.environ.items() if k not in ("LC_ALL", "LC_MESSAGES", "LANGUAGE")}
    shared = kept | variables | {"PYTHONIOENCODING": "utf-8", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "jintu.cli", *arguments]
        return subprocess.run(command, env=shared, capture_output=True, text=True, encoding="utf-8")

    assert run("layer", "--help").stdout.startswith(heading)
    refused = run("verify")
    assert refused.returncode == 2 and complaint in refused.stderr


@given(st.text("一二。，（） ab-/", max_size=80), st.integers(10, 40))
def test_wrapping_keeps_every_character_and_no_line_begins_with_a_closing_mark(text: str, width: int) -> None:
    text = " ".join(text.split())
    lines = list(helping.wrapped(text, width))
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert not [line for line in lines[1:] if re.match(rf"{helping.CLOSING}", line) and " " not in text]


@given(st.lists(st.sampled_from(["一", "二二二二二二二二", "ab", "--option", "x"])), st.integers(10, 40))
def test_lines_take_no_more_columns_than_there_are(words: list[str], width: int) -> None:
    for line in helping.wrapped(" ".join(words), width):
        assert sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line) <= width
