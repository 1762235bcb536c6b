"""How the code is laid out: what may not grow again."""

import re

import pytest

from scripts.house_figures import PRODUCT, ROOT, SANDBOX, class_names, import_circles, modules_of, one_word, repeated


def test_no_modules_import_each_other_even_for_types_or_in_functions():
    assert import_circles(modules_of((*PRODUCT, *SANDBOX))) == []


@pytest.mark.parametrize("packages", [PRODUCT, SANDBOX], ids=["product", "sandbox"])
def test_a_class_name_occurs_once(packages):
    assert repeated(class_names(modules_of(packages))) == {}


def test_few_class_names_have_one_word():
    names = class_names(modules_of(PRODUCT))
    assert len(one_word(names)) < 0.15 * len(names)


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


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_path_that_the_map_of_the_code_names_exists(page):
    named = set(re.findall(r"`((?:[\w-]+/)+[\w./-]*)`", (ROOT / page).read_text("utf-8")))
    assert len(named) > 5
    assert sorted(name for name in named if not (ROOT / name).exists()) == []
