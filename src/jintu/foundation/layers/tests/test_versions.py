"""Which version holds when, and whether it is what it was."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date

import pytest

from jintu.foundation.identity.scope import Scope
from jintu.foundation.layers import comparing, importing, lake, publishing, versions
from jintu.foundation.layers.models import LayerVersion
from jintu.kernel.errors import InputError, Missing, Refused

from . import grid

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]


def load(tmp_path, day: str, division: str = "990121", **changes):
    path = grid.dltb(tmp_path / f"{division}-{day}.gpkg", **changes)
    return importing.import_layer("survey.DLTB", path, division, date.fromisoformat(day)).version


@pytest.fixture
def history(tmp_path):
    """Two states of one county; in 2025 a paddy field (row 1) became a village."""
    old = load(tmp_path, "2023-12-31")
    new = load(tmp_path, "2025-06-01", DLBM={0: "203"}, DLMC={0: "村庄"}, GDPDJ={0: None}, QSXZ={0: "20"})
    return old, new


def test_the_newest_version_not_after_the_day_is_in_force(history) -> None:
    old, new = history
    assert versions.in_force("survey.DLTB", "990121", date(2023, 12, 30)) is None
    for division in ("990121", "990121001", "990121001002"):
        assert versions.in_force("survey.DLTB", division, date(2023, 12, 31)) == old
        assert versions.in_force("survey.DLTB", division, date(2025, 5, 31)) == old
        assert versions.in_force("survey.DLTB", division, date(2025, 6, 1)) == new
    assert versions.in_force("survey.DLTB", "990122", date(2026, 1, 1)) is None
    assert versions.in_force("survey.XZQ", "990121", date(2026, 1, 1)) is None
    assert versions.all_until("survey.DLTB", "990121", date(2026, 1, 1)) == [old, new]
    assert versions.all_until("survey.DLTB", "990121", date(2024, 1, 1)) == [old]


def test_withdrawn_and_draft_versions_are_not_in_force(history, tmp_path) -> None:
    old, new = history
    publishing.withdraw(new, "wrong year")
    assert versions.in_force("survey.DLTB", "990121", date(2026, 1, 1)) == old
    path = grid.dltb(tmp_path / "draft.gpkg", TBBH={0: "d"})
    draft = importing.import_layer("DLTB", path, "990121", date(2025, 12, 31), draft=True).version
    assert versions.in_force("survey.DLTB", "990121", date(2026, 1, 1)) == old
    publishing.publish(draft, decision="grid")
    assert versions.in_force("survey.DLTB", "990121", date(2026, 1, 1)) == draft


def test_a_city_sees_its_counties_as_one_layer(history, tmp_path) -> None:
    _, new = history
    other = load(tmp_path, "2024-12-31", "990122", TBBH={0: "n"})
    city = versions.in_force("survey.DLTB", "990100", date(2026, 1, 1))
    assert isinstance(city, versions.Combined) and city.versions == (new, other)
    assert city.table(["bsm"]).num_rows == city.rows == 60
    assert city.hash not in (new.hash, other.hash) and city.hash.startswith("sha256:")
    assert versions.in_force("survey.DLTB", "9901", date(2026, 1, 1)).hash == city.hash
    states = versions.all_until("survey.DLTB", "990100", date(2026, 1, 1))
    assert [s.valid_from for s in states] == [date(2023, 12, 31), date(2024, 12, 31), date(2025, 6, 1)]


def test_scope_decides_which_versions_are_seen(history, tmp_path) -> None:
    _, new = history
    other = load(tmp_path, "2024-12-31", "990122", TBBH={0: "n"})

    def seen(*divisions: str, verbs=frozenset({"view"})) -> set:
        return set(LayerVersion.objects.within(Scope(divisions, 0, verbs)))

    assert seen("990122") == {other}
    assert seen("9901") == {*history, other} == seen("")
    assert seen("990121001") == set(history)  # a township lies on its county's map
    assert seen("990123") == seen() == seen("", verbs=frozenset({"configure"})) == set()
    assert versions.pieces_in_scope("survey.DLTB", Scope(("9901",), 0, frozenset({"view"})), date(2026, 1, 1)) == [
        new,
        other,
    ]


def test_a_version_is_found_by_name_key_hash_and_day(history) -> None:
    old, new = history
    for at in (old.name, old.key, old.hash, old.hash[7:19], "2024-05-05"):
        assert versions.find("survey.DLTB", at) == old
    assert versions.find("survey.DLTB") == new
    with pytest.raises(Missing):
        versions.find("survey.DLTB", "2001-01-01")
    with pytest.raises(Missing):
        versions.find("survey.DLTB", scope=Scope(("990122",), 0, frozenset({"view"})))


def test_of_several_divisions_the_nodes_own_is_meant_or_none(history, tmp_path, settings) -> None:
    old, new = history
    other = load(tmp_path, "2025-06-01", "990122", TBBH={0: "n"})
    assert other.name == new.name
    settings.NODE = replace(settings.NODE, division="990122")
    assert versions.find("survey.DLTB") == versions.find("survey.DLTB", new.name) == other
    assert versions.find("survey.DLTB", "2024-05-05") == old, "the only one that has such a version"
    assert versions.find("survey.DLTB", new.name, "990121") == new
    settings.NODE = replace(settings.NODE, division="990100")
    for at in ("", new.name, "2025-06-30"):
        with pytest.raises(InputError, match=r"2 divisions.*990121, 990122") as refused:
            versions.find("survey.DLTB", at)
        assert "--division" in refused.value.remedy
    assert versions.find("survey.DLTB", other.hash) == other


def test_verification_notices_every_kind_of_tampering(history) -> None:
    old, _ = history
    assert versions.verify(old) == []
    keep = old.directory.with_name("kept")
    shutil.copytree(old.directory, keep)

    def after(change) -> str:
        shutil.rmtree(old.directory)
        shutil.copytree(keep, old.directory)
        change(old.directory)
        return "; ".join(versions.verify(old))

    def flip(folder) -> None:
        data = bytearray((folder / lake.DATA).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / lake.DATA).write_bytes(data)

    def rewrite(folder) -> None:  # another content in a perfectly good file
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pq.read_table(folder / lake.DATA)
        i = table.column_names.index("land_use_code")
        codes = pa.array(["012", *table.column(i).to_pylist()[1:]])
        pq.write_table(table.set_column(i, "land_use_code", codes), folder / lake.DATA)

    assert "data.parquet was changed" in after(flip)
    assert "the content is not what was published" in after(rewrite)
    assert "manifest was changed" in after(lambda f: (f / lake.MANIFEST).open("a").write(" "))
    assert "low.parquet is missing" in after(lambda f: (f / lake.LOW).unlink())
    assert "extra.txt does not belong" in after(lambda f: (f / "extra.txt").write_text("x"))
    shutil.rmtree(old.directory)
    assert "files of the version are missing" in "; ".join(versions.verify(old))
    shutil.move(keep, old.directory)
    assert versions.verify(old) == []


def flip(path, at: float = 0.5) -> None:
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(("name", "at"), [(lake.DATA, 0.3), (lake.DATA, 0.995), (lake.MANIFEST, 0.5)])
def test_a_tampered_file_is_noticed_when_it_is_read_and_by_the_doctor(history, name: str, at: float) -> None:
    from jintu.foundation.layers.examining import examine
    from jintu.foundation.operations.doctor import Context

    _, version = history
    assert version.table(["bsm"]).num_rows == 30
    assert [f.level for f in examine(Context())] == ["ok"]
    keep = (version.directory / name).read_bytes()
    flip(version.directory / name, at)
    for box in (None, version.bbox):
        with pytest.raises(Refused, match="changed after it was published"):
            version.table(["bsm"], box)
    found = [f for f in examine(Context()) if f.level == "error"]
    assert found and all(version.name in f.sentence for f in found)
    (version.directory / name).write_bytes(keep)
    assert version.table(["bsm"]).num_rows == 30


def test_only_the_row_groups_that_are_read_are_hashed(history, monkeypatch) -> None:
    _, version = history
    hashed = []
    plain = lake._hash_of
    monkeypatch.setattr(lake, "_hash_of", lambda *a: hashed.append(a[1]) or plain(*a))
    monkeypatch.setattr(lake, "_checked", {})
    version.table(["bsm"], (0.0, 0.0, 1.0, 1.0))
    assert len(hashed) == 1, "the footer"
    version.table(["bsm"])
    version.table(["patch_no"])
    assert len(hashed) == 2, "each part once in a process"


def test_diff_tells_features_fields_and_areas_from_class_to_class(tmp_path, history) -> None:
    old, new = history
    found = comparing.diff(old, new)
    assert (found.added, found.vanished, found.attributes, found.geometry) == ([], [], ["1"], [])
    assert found.same == 29
    assert found.fields == dict.fromkeys(("land_use_code", "land_use_name", "ownership", "slope_class"), 1)
    ((before, after, area),) = found.transitions
    assert (before, after) == ("011", "203") and area == pytest.approx(grid.official(grid.cell(0, 0)), rel=1e-6)


def test_diff_of_moved_boundaries_and_land_that_leaves(tmp_path) -> None:
    old = load(tmp_path, "2023-12-31")
    data, shapes = grid.patches()
    # cell 1 (013) takes half of cell 0 (011); the last cell (031) is gone; a cell of 203 is new outside
    shapes[0] = grid.cell(0, 0).intersection(_left(0.5))
    shapes[1] = grid.cell(0, 0, 2, 1).difference(_left(0.5))
    keep = list(range(29))
    data = {k: [v[i] for i in keep] for k, v in data.items()}
    shapes = [shapes[i] for i in keep]
    for name in data:
        data[name].append(data[name][2])
    data["BSM"][-1] = 99
    shapes.append(grid.cell(7, 7))
    path = grid.write(tmp_path / "new.gpkg", data, shapes)
    new = importing.import_layer("DLTB", path, "990121", date(2024, 12, 31)).version
    found = comparing.diff(old, new)
    assert (found.added, found.vanished, sorted(found.geometry)) == (["99"], ["30"], ["1", "2"])
    areas = {(a, b): area for a, b, area in found.transitions}
    half = grid.official(grid.cell(0, 0).intersection(_left(0.5)))
    assert areas["011", "013"] == pytest.approx(half, rel=1e-5)
    assert areas["031", ""] == pytest.approx(grid.official(grid.cell(5, 4)), rel=1e-5)
    assert areas["", "203"] == pytest.approx(grid.official(grid.cell(7, 7)), rel=1e-5)
    assert len(areas) == 3


def _left(cells: float):
    import shapely

    return shapely.box(0, 0, grid.EAST + cells * grid.STEP, 1e9)


def test_versions_of_different_layers_cannot_be_compared(county) -> None:
    with pytest.raises(Refused):
        comparing.diff(county["DLTB"], county["XZQ"])


def test_memory_holds_the_versions_used_last(history, monkeypatch, settings) -> None:
    versions._residents.clear()
    old, new = history
    first = versions.resident(old)
    assert versions.resident(old) is first and first.at(*_centre(0, 0)) != []
    settings.JINTU_RESIDENT_BYTES = 1
    versions.resident(new)
    assert list(versions._residents.kept) == [f"survey.DLTB/990121/{new.key}"]


def _centre(i: int, j: int) -> tuple[float, float]:
    point = grid.lonlat(grid.cell(i, j)).centroid
    return point.x, point.y


def test_a_point_is_found_in_its_patch(history) -> None:
    resident = versions.resident(history[0])
    (row,) = resident.at(*_centre(3, 2))
    assert resident.row(row)["bsm"] == str(2 * 6 + 3 + 1)
    assert resident.at(0.0, 0.0) == []
