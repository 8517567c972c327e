"""Dated parameters: which value holds on a day, and the operator's before the shipped."""

from datetime import date

import pytest

from jintu.foundation.checks import parameters
from jintu.foundation.checks.parameters import Parameter
from jintu.kernel.errors import InputError

HEAD = "rule,param,value,unit,valid_from,valid_to,basis,verified\n"


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    def write(body):
        path = tmp_path / "p.csv"
        path.write_text(HEAD + body, encoding="utf-8")
        monkeypatch.setattr(parameters, "_files", [path])
        parameters.shipped.cache_clear()

    yield write
    parameters.shipped.cache_clear()


def test_the_value_in_force_on_the_day_is_taken(shipped):
    shipped(
        "R13,cult_limit_m2,350000,m2,1999-01-01,2020-01-01,old law,V\nR13,cult_limit_m2,360000,m2,2020-01-01,,new,U\n"
    )
    assert parameters.in_force(date(2019, 12, 31), ())["R13"].cult_limit_m2 == 350000
    assert parameters.in_force(date(2020, 1, 1), ())["R13"].cult_limit_m2 == 360000
    assert "R13" not in parameters.in_force(date(1998, 1, 1), ())


def test_an_operators_setting_wins_from_its_date_on(shipped):
    shipped("R01,ratio,0.6,,,,x,U\n")
    override = Parameter("R01", "ratio", 0.7, "", date(2026, 1, 1), None, "省厅文件", "", "setting")
    assert parameters.in_force(date(2025, 12, 31), (override,))["R01"].ratio == 0.6
    assert parameters.in_force(date(2026, 1, 1), (override,))["R01"].ratio == 0.7


def test_a_wrong_date_names_its_file_and_row(shipped):
    shipped("R01,ratio,0.6,,2026-13-01,,x,U\n")
    with pytest.raises(InputError) as caught:
        parameters.shipped()
    assert (caught.value.place.file, caught.value.place.row) == ("p.csv", 2)
