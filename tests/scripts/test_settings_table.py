"""The generated table of settings."""

from scripts.settings_table import DEFAULTS
from server.settings.model import Settings


def test_every_default_is_one_that_a_reader_understands():
    silent = {name for name, field in Settings.model_fields.items() if field.default in (None, (), False)}
    assert silent <= set(DEFAULTS) <= set(Settings.model_fields)
