import pytest
from hypothesis import given
from hypothesis import strategies as st

from jintu.kernel.errors import NotAllowed, Refused
from jintu.kernel.transitions import Row, Table, Unsound

FINDING = Table(
    "finding",
    start="open",
    ends=("closed", "dismissed"),
    rows=(
        Row("open", "dispatch", "dispatched", roles=("reviewer", "inspector")),
        Row("open", "dismiss", "dismissed", roles=("inspector",), guards=("reason",)),
        Row("dispatched", "reply", "replied", roles=("clerk",), guards=("answer",)),
        Row("replied", "verify", "verified", roles=("reviewer",), guards=("files",)),
        Row("replied", "return", "dispatched", roles=("reviewer",)),
        Row("verified", "close", "closed", roles=("inspector",), levels=("city", "province")),
        Row("closed", "reopen", "open", roles=("inspector",)),
    ),
)


def test_a_verb_leads_to_its_target():
    assert FINDING.fire("open", "dispatch", {"reviewer"}).target == "dispatched"


def test_a_verb_that_is_not_possible_is_refused_with_what_is():
    with pytest.raises(Refused, match=r"'verify' is not possible in the state 'open'. Possible are: dispatch, dismiss"):
        FINDING.fire("open", "verify", {"inspector"})


def test_a_role_that_may_not_is_told_which_may():
    with pytest.raises(NotAllowed, match="reviewer, inspector"):
        FINDING.fire("open", "dispatch", {"clerk"})


def test_a_failing_guard_is_named():
    with pytest.raises(Refused, match="has to wait: reason") as caught:
        FINDING.fire("open", "dismiss", {"inspector"})
    assert caught.value.params["missing"] == ["reason"]
    assert FINDING.fire("open", "dismiss", {"inspector"}, holds={"reason"}).target == "dismissed"


def test_the_level_of_the_node_counts_where_the_row_names_levels():
    assert FINDING.fire("verified", "close", {"inspector"}, level="city").target == "closed"
    with pytest.raises(NotAllowed):
        FINDING.fire("verified", "close", {"inspector"}, level="county")


def test_the_buttons_are_the_allowed_rows():
    assert [row.verb for row in FINDING.allowed("open", {"inspector"})] == ["dispatch", "dismiss"]
    assert [row.verb for row in FINDING.allowed("open", {"inspector"}, holds=set())] == ["dispatch"]
    assert FINDING.allowed("open", {"clerk"}) == []


def test_the_same_verb_may_lead_elsewhere_for_another_role():
    table = Table(
        "t",
        "a",
        (
            Row("a", "go", "b", roles=("x",)),
            Row("a", "go", "c", guards=("ok",)),
            Row("a", "go", "d"),
        ),
        ends=("b", "c", "d"),
    )
    assert table.fire("a", "go", {"x"}).target == "b"
    assert table.fire("a", "go", {"y"}, {"ok"}).target == "c"
    assert table.fire("a", "go", {"y"}).target == "d"


@pytest.mark.parametrize(
    ("rows", "ends", "fault"),
    [
        ((Row("a", "go", "b"),), (), "no state is an end"),
        ((Row("a", "go", "b"), Row("c", "go", "b")), ("b",), "'c' cannot be reached"),
        ((Row("a", "go", "b"), Row("a", "trap", "c"), Row("c", "turn", "c")), ("b",), "from state 'c' no end"),
        ((Row("a", "go", "b"), Row("a", "go", "a")), ("b",), "is dead"),
        ((Row("a", "go", "b", roles=("x", "y")), Row("a", "go", "a", roles=("x",))), ("b",), "is dead"),
        ((Row("a", "go", "b"),), ("b", "z"), "'z' cannot be reached"),
    ],
)
def test_an_unsound_table_cannot_be_built(rows, ends, fault):
    with pytest.raises(Unsound, match=fault):
        Table("t", "a", rows, ends=ends)


def test_verbs_outside_the_vocabulary_are_unsound():
    with pytest.raises(Unsound, match="'fly'"):
        Table("t", "a", (Row("a", "fly", "b"),), ends=("b",), verbs=("go",))


names = st.sampled_from(["s0", "s1", "s2", "s3", "s4"])
tables = st.lists(
    st.builds(
        Row,
        state=names,
        verb=st.sampled_from(["v0", "v1", "v2"]),
        target=names,
        roles=st.sampled_from([(), ("x",), ("y",)]),
        guards=st.sampled_from([(), ("g",)]),
    ),
    min_size=1,
    max_size=9,
)


@given(tables, st.sets(names, max_size=2))
def test_a_table_that_can_be_built_is_sound_by_brute_force(rows, ends):
    try:
        table = Table("t", "s0", tuple(rows), ends=tuple(sorted(ends)))
    except Unsound:
        return
    roles, holds = {"x", "y"}, {"g"}

    def walk(state):
        seen, todo = {state}, [state]
        while todo:
            here = todo.pop()
            for row in table.rows:
                if row.state == here and row.target not in seen:
                    seen.add(row.target)
                    todo.append(row.target)
        return seen

    assert walk("s0") == set(table.states)
    assert all(walk(state) & set(table.ends) for state in table.states)
    for row in table.rows:  # every row fires for somebody
        fired = set()
        for who in ({"x"}, {"y"}, {"z"}, roles):
            for held in (set(), holds):
                try:
                    fired.add(id(table.fire(row.state, row.verb, who, held)))
                except (Refused, NotAllowed):
                    continue
        assert id(row) in fired


@given(tables, names, st.sampled_from(["v0", "v1", "v2"]), st.sets(st.sampled_from(["x", "y"])), st.booleans())
def test_fire_and_allowed_agree(rows, state, verb, roles, held):
    try:
        table = Table("t", "s0", tuple(rows), ends=("s1", "s0"))
    except Unsound:
        return
    holds = {"g"} if held else set()
    offered = {row.verb: row for row in table.allowed(state, roles, holds)}
    try:
        assert table.fire(state, verb, roles, holds) == offered[verb]
    except (Refused, NotAllowed):
        assert verb not in offered
