"""Nothing imports upward: hw below sw below sim, and within them as the table says; no circles."""

import ast
from pathlib import Path

import pytest
from support.imports import cycle, sources, strangers, upward

TESTS = Path(__file__).parent
MODULES = sources(*(TESTS.parent / folder for folder in ("hw", "sw", "sim")))

#: Packages from the bottom up. One imports from itself and from rows before its own, not from its neighbours.
ORDER = (
    ("yoso_hw",),
    ("yoso_synth",),
    ("yoso_sw.network",),
    ("yoso_sw.data",),
    ("yoso_sw.learn", "yoso_sw.compile"),
    (
        *("yoso_sw.host", "yoso_sw.nir", "yoso_sw.figures"),
        *("yoso_sw.rivals", "yoso_sw.runs", "yoso_sw.profile", "yoso_sw.search", "yoso_sw.tasks"),
    ),
    ("yoso_sw.commands",),
    ("yoso_sim",),
    ("yoso",),
)

#: What software shares with the RTL: pure Python, which imports of yoso_hw only itself, and no Amaranth.
CONTRACT = (
    "yoso_hw",
    *(
        f"yoso_hw.{name}"
        for name in (
            "params",
            "fields",
            "registers",
            "packet",
            "folders",
            "extras",
            "versions",
            "drawing",
            "workers",
            "writing",
        )
    ),
    *(
        "yoso_hw.chips",
        "yoso_hw.chips.options",
        "yoso_hw.boards",
        "yoso_hw.boards.options",
        "yoso_hw.board.framing",
    ),
)


def contract_breaches(modules: dict[str, str]) -> list[str]:
    """Imports of the RTL, its synthesis or Amaranth by software or by the contract itself."""
    never = ("amaranth", "yoso_hw", "yoso_synth")
    own = {name: text for name, text in modules.items() if name in CONTRACT}
    return [
        *strangers(modules, "yoso_sw", CONTRACT, never),
        *strangers(own, "yoso_hw", CONTRACT, never),
    ]


def planted(module: str, line: str) -> dict[str, str]:
    """The modules with one more import."""
    return {**MODULES, module: f"{MODULES[module]}\n{line}\n"}


def test_nothing_imports_upward():
    assert upward(MODULES, ORDER) == []


def test_no_modules_import_each_other_in_a_circle():
    assert cycle(MODULES) == []


def test_software_knows_of_the_hardware_the_contract_which_knows_no_amaranth():
    assert set(CONTRACT) <= set(MODULES)
    assert contract_breaches(MODULES) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("yoso_synth.asic", "from yoso_sw.network import golden"),
        ("yoso_hw.emit", "from yoso_synth import liberty"),
        ("yoso_sw.network.golden", "import yoso_sim.build"),
        ("yoso_sw.data.idx", "from yoso_sw.learn.config import TrainConfig"),
        ("yoso_sw.compile.mapping", "from yoso_sw.learn import config"),
        ("yoso_sw.data.idx", "def later():\n    import yoso_sw.commands.train"),
        ("yoso_sw.data.idx", "if TYPE_CHECKING:\n    from yoso_sw.learn.rule import Rule"),
    ],
)
def test_an_upward_import_is_told_by_both_ends(module, line):
    (said,) = upward(planted(module, line), ORDER)
    assert said.startswith(f"{module}, line ") and "is not below it" in said


def test_a_package_without_a_place_is_told():
    (said,) = upward(planted("yoso_sim.build", "import yoso_sw.new") | {"yoso_sw.new": ""}, ORDER)
    assert "has no place" in said


def test_a_circle_is_told_but_not_one_that_only_the_type_checker_sees():
    assert {"yoso_hw.params", "yoso_hw.packet"} <= set(
        cycle(planted("yoso_hw.params", "import yoso_hw.packet"))
    )
    assert cycle(planted("yoso_hw.params", "if TYPE_CHECKING:\n    import yoso_hw.packet")) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("yoso_hw.packet", "from amaranth.hdl import Signal"),
        ("yoso_hw.params", "from yoso_hw.core import ops"),
        ("yoso_sw.compile.mapping", "from yoso_hw.mesh import Mesh"),
        ("yoso_sw.compile.mapping", "import yoso_synth.pdk"),
    ],
)
def test_a_breach_of_the_contract_is_told(module, line):
    (said,) = contract_breaches(planted(module, line))
    assert said.startswith(module)


def test_no_test_edits_pythons_path():
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr == "path":
                assert ast.unparse(node) != "sys.path", path


def test_what_tests_share_imports_no_tests():
    shared = sources(TESTS)
    assert strangers(shared, "support", (), ("cosim", "cover", "formal")) == []
