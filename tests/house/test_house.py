"""How the code is laid out: what may not grow again."""

from scripts.house_figures import PRODUCT, SANDBOX, import_circles, modules_of

KNOWN_CIRCLES = [
    ["transfers.budget_store", "transfers.ledger"],
    [
        *("transfers.caller_job", "transfers.file_job", "transfers.job", "transfers.job_record"),
        *("transfers.link_job", "transfers.resources"),
    ],
    ["transfers.json_serializer", "transfers.workflows"],
]
"""Those that are left; a circle that is broken leaves the list."""


def test_no_modules_import_each_other_even_for_types_or_in_functions():
    assert import_circles(modules_of((*PRODUCT, *SANDBOX))) == KNOWN_CIRCLES


def test_a_circle_is_found_under_type_checking_and_in_functions(tmp_path):
    (tmp_path / "tools").mkdir()
    texts = {
        "__init__": "",
        "one": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tools.two import Two\n",
        "two": "def two():\n    from tools import three\n",
        "three": "import tools.one\n",
        "four": "from tools.three import x\n",
    }
    for name, text in texts.items():
        (tmp_path / "tools" / f"{name}.py").write_text(text)
    assert import_circles(modules_of(["tools"], tmp_path)) == [["tools.one", "tools.three", "tools.two"]]
