"""Renewed tokens that could not be saved at once: a full disk, a database that went away."""

import logging
import threading
from contextlib import suppress

from auth.vault import Lease, Tokens, Vault
from persistence.errors import StorageProblem

_log = logging.getLogger(__name__)


class DeferredTokenSave:
    """Tokens that exist nowhere else, and the thread that tries until they are saved or others are in their place.

    It tries every `pause` seconds. Other processes cannot write down meanwhile that they will ask Autodesk, so they do
    not ask.
    """

    def __init__(self, vault: Vault, lease: Lease, tokens: Tokens, pause: float) -> None:
        self._vault = vault
        self._lease = lease
        self._tokens = tokens
        self._pause = pause
        self._saved = threading.Event()
        threading.Thread(target=self._run, name="save", daemon=True).start()

    def save(self) -> None:
        """Save them now, if they are not saved yet. Blocks.

        Raises:
            StorageProblem: What keeps them from it.
        """
        if not self._saved.is_set():
            self._vault.renew(self._lease, self._tokens)
            self._saved.set()
            _log.info("renewed tokens were saved late")

    def _run(self) -> None:
        while not self._saved.wait(self._pause):
            with suppress(StorageProblem):  # calls are told
                self.save()
