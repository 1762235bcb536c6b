"""The sandbox's own seed: two hubs, four projects, submittals in CSI numbering and in every state."""

from __future__ import annotations

from acc_sandbox.seed.model import SeedData, SeedHub, SeedItem, SeedProject, SeedReviewer
from acc_sandbox.state.people import Company, Person, known_autodesk_id

BUILDER = Company("20031001", "General Contractor")
STEELWORKS = Company("20031002", "Steel Works")
CONCRETEWORKS = Company("20031003", "Concrete Works")
ENGINEERS = Company("20031004", "Structural Engineers")
ARCHITECTS = Company("20031005", "Architects")
COMPANIES = (BUILDER, STEELWORKS, CONCRETEWORKS, ENGINEERS, ARCHITECTS)

REVIEW_ROLE = Company("20032001", "Design Reviewers")
"""A project role; roles share the id space of companies."""


ROLES = (REVIEW_ROLE,)


def _person(key: str, name: str, role: str, *groups: Company) -> Person:
    address = f"{name.lower().replace(' ', '.')}@example.com"
    return Person(key, name, address, known_autodesk_id(key), role, tuple(group.id for group in groups))


PEOPLE = (
    _person("manager", "Project Manager", "Submittals manager", BUILDER),
    _person("steel", "Steel Subcontractor", "responsible contractor for steel", STEELWORKS),
    _person("concrete", "Concrete Subcontractor", "responsible contractor for concrete", CONCRETEWORKS),
    _person("engineer", "Structural Engineer", "reviewer", ENGINEERS),
    _person("architect", "Design Architect", "reviewer", ARCHITECTS, REVIEW_ROLE),
    _person("member", "Site Observer", "project member who only reads", BUILDER),
    _person("admin", "Project Administrator", "Submittals administrator", BUILDER),
    _person("outsider", "Account Visitor", "signs in, but is in no project"),
)
"""Everybody who can sign in; the first is the project manager."""

_SPECS = {
    "033100": "Structural Concrete",
    "051200": "Structural Steel Framing",
    "052100": "Steel Joist Framing",
    "053100": "Steel Decking",
    "079200": "Joint Sealants",
    "081113": "Hollow Metal Doors and Frames",
    "084413": "Glazed Aluminum Curtain Walls",
    "092900": "Gypsum Board",
}
_STEEL_PACKAGE, _CONCRETE_PACKAGE = "Structural steel package", "Concrete package"
_PACKAGES = {_STEEL_PACKAGE: "051200", _CONCRETE_PACKAGE: "033100"}
_TEMPLATES = {
    "Engineer's review": ((SeedReviewer("engineer"),),),
    "Two-step review": (
        (SeedReviewer("manager"), SeedReviewer("Architects", required=False)),
        (SeedReviewer("engineer"),),
    ),
}
_BY_ENGINEER = (("engineer",),)
_BY_BOTH = (("manager",), ("engineer",))

_RIVERSIDE = SeedProject(
    "riverside",
    "Riverside Medical Center",
    "hub",
    managers=("manager",),
    admins=("admin",),
    members=("manager", "steel", "concrete", "engineer", "architect", "member", "admin"),
    specs=_SPECS,
    packages=_PACKAGES,
    templates=_TEMPLATES,
    files={
        "Project Files/01 Drawings/A-101 First Floor Plan.pdf": 3,
        "Project Files/01 Drawings/S-201 Level 2 Framing Plan.pdf": 2,
        "Project Files/02 Specifications/051200 Structural Steel Framing.pdf": 1,
        "Project Files/03 Shop Drawings/03 Concrete/rebar-shop-drawings.pdf": 1,
        "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf": 2,
        "Project Files/03 Shop Drawings/05 Steel/column-shop-drawings.pdf": 1,
        "Project Files/03 Shop Drawings/05 Steel/joist-layout.dwg": 1,
        "Project Files/04 Product Data/joint-sealant-data-sheet.pdf": 1,
        "Project Files/04 Product Data/mill-certificates.csv": 1,
    },
    items=(
        SeedItem(
            *("033100", "1", "Concrete mix design", "sbc-2", "concrete", "product_data", _BY_ENGINEER),
            attachments=("mix-design.pdf",),
        ),
        SeedItem(
            *("033100", "2", "Reinforcing bar shop drawings", "mgr-2", "concrete"),
            review=_BY_ENGINEER,
            attachments=("rebar.pdf",),
            package=_CONCRETE_PACKAGE,
        ),
        SeedItem(
            *("051200", "1", "Structural steel mill certificates", "sbc-2", "steel", "certificate", _BY_ENGINEER),
            package=_STEEL_PACKAGE,
        ),
        SeedItem(
            *("051200", "2", "Structural steel erection plan", "sbc-1", "steel"),
            review=_BY_ENGINEER,
            package=_STEEL_PACKAGE,
        ),
        SeedItem(
            *("051200", "3", "Structural steel beam shop drawings", "mgr-1", "steel"),
            review=_BY_BOTH,
            attachments=("beam-schedule.pdf",),
            package=_STEEL_PACKAGE,
        ),
        SeedItem(
            *("051200", "4", "Structural steel column shop drawings, east wing", "sbc-1", "steel"),
            review=_BY_ENGINEER,
            package=_STEEL_PACKAGE,
        ),
        SeedItem(
            *("051200", "5", "Structural steel column shop drawings, west wing", "mgr-1", "steel"),
            review=_BY_ENGINEER,
            package=_STEEL_PACKAGE,
        ),
        SeedItem("051200", "6", "Welding procedures", "sbc-1", "Steel Works", "certificate"),
        SeedItem("052100", "1", "Steel joist shop drawings", "rev", "steel", review=_BY_BOTH),
        SeedItem(
            *("053100", "1", "Metal deck layout drawings", "rev", "steel"),
            review=_BY_ENGINEER,
            attachments=("deck-layout.pdf",),
        ),
        SeedItem(
            *("079200", "1", "Joint sealant product data", "rev", "concrete", "product_data"),
            review=(("Architects",),),
        ),
        SeedItem("081113", "1", "Hollow metal door schedule", "mgr-2", "concrete", "product_data", _BY_ENGINEER),
        SeedItem("084413", "1", "Curtain wall test report", "void", "concrete", "test_report"),
        SeedItem("084413", "2", "Curtain wall shop drawings", "mgr-1", "concrete", created_by="concrete"),
        SeedItem("092900", None, "Gypsum board samples", "draft", "concrete", "sample"),
    ),
)
_HARBOR = SeedProject(
    "harbor",
    "Harbor Point Tower",
    "hub",
    managers=("manager",),
    admins=("admin",),
    members=("manager", "steel", "engineer", "member", "admin"),
    numbering="global",
    specs=_SPECS,
    packages=_PACKAGES,
    templates=_TEMPLATES,
    files={"Project Files/03 Shop Drawings/pile-cap-drawings.pdf": 1},
    items=(
        SeedItem("033100", "1", "Pile cap drawings", "sbc-1", "steel", review=_BY_ENGINEER),
        SeedItem("051200", "2", "Structural steel beam shop drawings", "mgr-1", "steel", review=_BY_ENGINEER),
        SeedItem("051200", "3", "Steel stair shop drawings", "rev", "steel", review=_BY_ENGINEER),
    ),
)
_MILL = SeedProject(
    "mill",
    "Old Mill Library",
    "hub",
    managers=("manager",),
    admins=("admin",),
    members=_RIVERSIDE.members,
    kind="BIM360",
    numbering="global",
    files={"Project Files/reading-room-plan.pdf": 1},
)
_CANAL = SeedProject(
    "canal",
    "Canal Quay Offices",
    "hub-emea",
    managers=("architect",),
    admins=("admin",),
    members=("architect", "admin"),
    specs={"033100": "Structural Concrete", "084413": "Glazed Aluminum Curtain Walls"},
    templates={"Architect's review": ((SeedReviewer("architect"),),)},
    files={"Project Files/quay-wall-section.pdf": 1},
    items=(
        SeedItem("033100", "1", "Quay wall concrete mix", "sbc-1", "Concrete Works", "product_data"),
        SeedItem("084413", "1", "Facade shop drawings", "rev", "Concrete Works", review=(("architect",),)),
    ),
)

DEFAULT = SeedData(
    PEOPLE,
    COMPANIES,
    ROLES,
    hubs=(
        SeedHub("hub", "Sandbox Construction"),
        SeedHub("hub-emea", "Sandbox Construction Europe", "EMEA", ("architect", "admin")),
    ),
    projects=(_RIVERSIDE, _HARBOR, _MILL, _CANAL),
)
