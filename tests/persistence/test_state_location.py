"""Naming where things are kept."""

from pathlib import Path

from persistence.data_folder import StateLocation


def test_a_place_that_is_printed_shows_neither_the_password_of_its_database_nor_its_keys():
    place = StateLocation(Path("data"), "postgresql://us:canary-password@127.0.0.1/jobs", "canary-key")

    assert repr(place) == f"StateLocation(folder={Path('data')!r})"
