import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jintu.kernel import search


@pytest.fixture
def find():
    """Search over three documents in a real FTS5 table."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE t USING fts5(body, tokenize='unicode61')")
    texts = ["示例县国土资函〔2009〕123号 工业用地", "霁云机械制造有限公司 Phase2 A-07", "土地整治项目；国家", "函"]
    db.executemany("INSERT INTO t VALUES (?)", [(search.index_text(text),) for text in texts])

    def ask(query):
        return [
            n - 1
            for (n,) in db.execute("SELECT rowid FROM t WHERE t MATCH ? ORDER BY rowid", [search.fts5_query(query)])
        ]

    yield ask
    db.close()


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("土地", [2]),
        ("国土", [0]),
        ("国土资函", [0]),
        ("国家", [2]),
        ("函", [0, 3]),
        ("号", [0]),
        ("有限公司", [1]),
        ("phase2", [1]),
        ("PHA", [1]),
        ("123", [0]),
        ("12", []),
        ("ａ－０７", [1]),
        ("机械 公司", [1]),
        ("机械 土地", []),
        ("项目国家", []),  # across a punctuation mark is no phrase
        ('"; DROP', []),
        ('NEAR("国土" 土资)', []),
    ],
)
def test_words_are_found_as_people_mean_them(find, query, hits):
    assert find(query) == hits


def test_an_empty_query_asks_nothing():
    assert search.fts5_query(" ，。") == "" and search.tsquery("") == ""


def test_tsquery_quotes_and_joins():
    assert search.tsquery("国土资函 a'b") == "'国土' <-> '土资' <-> '资函' & 'a' & 'b':*"


@given(st.text(alphabet="国土资源函号示例县", min_size=1, max_size=12), st.data())
def test_every_part_of_a_chinese_text_is_found(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE t USING fts5(body, tokenize='unicode61')")
    db.execute("INSERT INTO t VALUES (?)", [search.index_text(text)])
    query = search.fts5_query(text[start:end])
    assert db.execute("SELECT count(*) FROM t WHERE t MATCH ?", [query]).fetchone() == (1,)
    db.close()


@given(st.text(max_size=40))
def test_any_query_is_a_valid_match_expression(text):
    query = search.fts5_query(text)
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE t USING fts5(body, tokenize='unicode61')")
    if query:
        db.execute("SELECT count(*) FROM t WHERE t MATCH ?", [query])
    db.close()


@given(st.text(max_size=30), st.text(max_size=5))
def test_highlighting_loses_nothing(text, query):
    assert "".join(piece for piece, _ in search.highlight(text, query)) == text


@given(
    st.lists(
        st.text(st.one_of(st.characters(), st.sampled_from("示例县〇號〔〕ＡaZ09_ \n\0ſİΣ½㈱")), max_size=30),
        max_size=6,
    )
)
def test_many_texts_at_once_are_the_same_terms(texts):
    assert search.index_texts(texts) == [search.index_text(text) for text in texts]
