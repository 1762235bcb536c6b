"""Answers of `setup` and `login --client-id`, kept in the data folder so that no variable need be set for them."""

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from acc.hosts import AUTODESK_API
from persistence import private_files
from persistence.data_folder import DataFolder, default_path
from persistence.errors import check_descriptors
from server.settings.model import Settings
from server.settings.problems import SettingsError

FILE_NAME: Final = "setup.json"
SOURCE: Final = "setup"


class RememberedApp(BaseModel):
    """The APS app that a person signs in to, and its callback URL."""

    client_id: str
    callback_url: str


class SetupAnswers(BaseModel):
    """What a person answered: an app for each Autodesk (by base URL), folders, and their chat client."""

    model_config = ConfigDict(extra="ignore")

    apps: dict[str, RememberedApp] = {}
    folders: tuple[Path, ...] = ()
    client: str | None = None


def read_answers(settings: Settings) -> SetupAnswers:
    """Return what was answered on this machine.

    Raises:
        SettingsError: The file cannot be read.
        HomeFolderMissing: There is no place for it.
    """
    path = (settings.data_dir or default_path()) / FILE_NAME
    try:
        return SetupAnswers.model_validate_json(private_files.read(path))
    except (FileNotFoundError, NotADirectoryError):  # what opens the folder says that it is none
        return SetupAnswers()
    except (OSError, ValidationError) as error:
        check_descriptors(error, path)
        raise SettingsError((f"{path} cannot be read; delete it, and run `submittal-mcp setup` again",)) from None


def keep_answers(settings: Settings, answers: SetupAnswers) -> None:
    """Write down what was answered. Raises `StorageProblem` where the data folder cannot be used."""
    folder = DataFolder.open(settings.data_dir)
    private_files.replace(folder.path / FILE_NAME, answers.model_dump_json(indent=2).encode())


def remember_app(settings: Settings) -> None:
    """Write down the app of these settings, for the Autodesk that they name."""
    if settings.client_id is None:
        return
    answers = read_answers(settings)
    app = RememberedApp(client_id=settings.client_id, callback_url=settings.callback_url)
    keep_answers(settings, answers.model_copy(update={"apps": {**answers.apps, _autodesk(settings): app}}))


def with_remembered_app(settings: Settings) -> Settings:
    """Return settings with the remembered app, where they name neither an app nor a token.

    Raises:
        SettingsError: What was remembered cannot be read.
    """
    from persistence.errors import HomeFolderMissing

    if settings.client_id is not None or settings.access_token is not None:
        return settings
    try:
        app = read_answers(settings).apps.get(_autodesk(settings))
    except HomeFolderMissing:
        return settings
    if app is None:
        return settings
    values = {"client_id": app.client_id}
    if "callback_url" not in settings.sources:
        values["callback_url"] = app.callback_url
    return settings.with_values(SOURCE, values)


def _autodesk(settings: Settings) -> str:
    return settings.base_url or AUTODESK_API
