"""Who may write a file that others rely on: on POSIX by owner and mode, on Windows by its security descriptor."""

import re
import stat
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH

_ADMINISTRATORS: Final = frozenset(
    {
        *("BA", "S-1-5-32-544"),
        *("SY", "S-1-5-18"),
        "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",  # TrustedInstaller
    }
)
# Microsoft, "ACE Strings" and "File Access Rights Constants": write data, append, extended attributes, delete, change
# of rights or owner, everything; by name and by bit.
_WRITE_NAMES: Final = frozenset({"GA", "GW", "FA", "FW", "WD", "WO", "SD", "DC", "LC", "RP"})
_WRITE_BITS: Final = 0x500D0016
_ENTRY: Final = re.compile(r"\(([^;()]*);([^;()]*);([^;()]*);[^;()]*;[^;()]*;([^;()]*)[;)]")


def other_writers(path: Path, owners: Collection[int]) -> str | None:
    """Say who else than the `owners` (user ids; on Windows: administrators) can write a file, and the remedy.

    On POSIX its folder counts too, since a file can be replaced in it. On Windows users may add files to a folder of
    programs' data, but not replace those of others.
    """
    if sys.platform == "win32":
        return descriptor_writers(_security_descriptor(path), path)
    for place in (path, path.parent):
        found = place.stat()
        if found.st_uid not in owners:
            return f"{place} belongs to user {found.st_uid}; run chown root '{place}'"
        if found.st_mode & _OTHERS_WRITE:
            return f"others can write {place}; run chmod go-w '{place}'"
    return None


def descriptor_writers(descriptor: str, path: Path) -> str | None:
    """Say the same of a security descriptor in Microsoft's text form (SDDL): `O:…G:…D:…(…)`."""
    remedy = (
        f'run icacls "{path}" /setowner Administrators, then '
        f'icacls "{path}" /inheritance:r /grant:r Administrators:F SYSTEM:F Users:R'
    )
    owner = re.match(r"O:(S-[0-9-]+|[A-Z]{2})", descriptor)
    if owner is None or owner[1] not in _ADMINISTRATORS:
        return f"it does not belong to an administrator; {remedy}"
    _, has_entries, entries = descriptor.partition("D:")
    if not has_entries or "NO_ACCESS_CONTROL" in entries:
        return f"everybody can write it; {remedy}"
    for kind, flags, rights, who in _ENTRY.findall(entries.partition("S:(")[0]):
        if kind in ("A", "XA") and "IO" not in flags and who not in _ADMINISTRATORS and _may_write(rights):
            return f"others can write it ({who}); {remedy}"
    return None


def _may_write(rights: str) -> bool:
    if rights.startswith("0x"):
        return bool(int(rights, 16) & _WRITE_BITS)
    return any(rights[place : place + 2] in _WRITE_NAMES for place in range(0, len(rights), 2))


if sys.platform == "win32":
    _OWNER_AND_RIGHTS: Final = 0x1 | 0x4
    _FILE_OBJECT: Final = 1

    def _security_descriptor(path: Path) -> str:
        advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)
        kernel32 = ctypes.WinDLL("kernel32")
        kernel32.LocalFree.argtypes = [ctypes.c_void_p]
        found, text = ctypes.c_void_p(), wintypes.LPWSTR()
        name, no = wintypes.LPCWSTR(str(path)), None
        error = advapi32.GetNamedSecurityInfoW(
            name, _FILE_OBJECT, _OWNER_AND_RIGHTS, no, no, no, no, ctypes.byref(found)
        )
        if error:
            raise ctypes.WinError(error)
        try:
            if not advapi32.ConvertSecurityDescriptorToStringSecurityDescriptorW(
                found, wintypes.DWORD(1), _OWNER_AND_RIGHTS, ctypes.byref(text), no
            ):
                raise ctypes.WinError(ctypes.get_last_error())
            return text.value or ""
        finally:
            kernel32.LocalFree(text)
            kernel32.LocalFree(found)
