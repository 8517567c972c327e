"""Compiled code is kept apart for each state of the sources, and what is left of others is removed."""

from __future__ import annotations

from jintu.kernel import codecache


def test_a_change_in_any_file_with_compiled_functions_gives_another_directory(tmp_path, monkeypatch) -> None:
    kernel = tmp_path / "kernel"
    (kernel / "overlay").mkdir(parents=True)
    (kernel / "overlay" / "edges.py").write_text("@compiled\ndef clip(): ...\n")
    (kernel / "errors.py").write_text("class InputError: ...\n")
    monkeypatch.setattr(codecache, "KERNEL", kernel)
    before = codecache.directory(tmp_path)
    (kernel / "errors.py").write_text("class Other: ...\n")
    assert codecache.directory(tmp_path) == before
    (kernel / "overlay" / "edges.py").write_text("@compiled\ndef clip(): pass\n")
    assert codecache.directory(tmp_path) != before
    assert codecache.directory(tmp_path).parent == tmp_path


def test_only_directories_of_other_states_are_removed(tmp_path) -> None:
    chosen = codecache.directory(tmp_path)
    for name in (chosen.name, "0123456789abcdef", "mine"):
        (tmp_path / name).mkdir()
    codecache.remove_others(chosen)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([chosen.name, "mine"])
