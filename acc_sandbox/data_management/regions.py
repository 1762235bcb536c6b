"""Regions: where a hub's data lies, and how the names of its buckets and URNs tell (fact sheet 8, 9)."""

from __future__ import annotations

from dataclasses import dataclass

from acc_sandbox.state.sandbox_state import SandboxState


@dataclass(frozen=True)
class Region:
    """`bucket` holds objects; `namespace` is the second word of folder, lineage and version URNs."""

    bucket: str
    namespace: str

    def urn(self, kind: str, tail: str) -> str:
        """Such as `urn:adsk.wipprod:fs.folder:co.X`; `kind` is `fs.folder:co.`, `dm.lineage:` or `fs.file:vf.`."""
        return f"urn:adsk.{self.namespace}:{kind}{tail}"


_US = Region("wip.dm.prod", "wipprod")
_KNOWN = {"US": _US, "EMEA": Region("wip.dm.emea.2", "wipemea")}


def region(sandbox: SandboxState, name: str) -> Region:
    """A region by the name that its hub shows; what the documentation does not say is a switch."""
    if name in _KNOWN:
        return _KNOWN[name]
    if sandbox.switches.other_region_names == "us":
        return _US
    return Region(f"wip.dm.{name.lower()}", f"wip{name.lower()}")


def region_of(sandbox: SandboxState, project_id: str) -> Region:
    """The region of a project's hub."""
    name = sandbox.store.value(
        "SELECT hubs.region FROM projects JOIN hubs ON hubs.id = projects.hubId WHERE projects.id = ?", project_id
    )
    return region(sandbox, name)


def is_bucket(sandbox: SandboxState, bucket: str) -> bool:
    """Whether a bucket belongs to the region of a hub of this sandbox."""
    names = sandbox.store.rows("SELECT DISTINCT region FROM hubs")
    return any(region(sandbox, row["region"]).bucket == bucket for row in names)
