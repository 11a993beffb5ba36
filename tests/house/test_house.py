"""How this house is built: imports run one way, heavy libraries have homes, lists are complete."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "shared" / "penstock"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Later layers import earlier ones, and their own.
LAYERS = (
    ("", "arguments", "errors", "model", "sql", "times", "workfolder"),
    ("aws", "layout", "archive", "envelopes", "inflate", "notices", "extensions", "places", "statement"),
    ("tables", "readers", "formats", "sources", "fetch", "listing"),
    ("standardize", "condition", "config", "hive", "ledger", "convert", "parquet", "tiers"),
    ("collect", "poll", "sweep", "compact", "catalogue", "pruning", "query", "delete", "docs"),
    ("cli", "functions"),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

HOMES = {
    "boto3": (),
    "botocore": ("aws", "hive", "ledger.dynamodb"),
    "hcl2": ("config",),
    "lark": ("config",),
    "duckdb": (
        "condition",
        "convert",
        "compact",
        "query",
        "catalogue",
        "collect",
        "extensions",
        "statement",
        "pruning",
        "cli",
    ),
    "pyarrow": ("compact.fsck", "query"),  # the functions have none: docs/decisions
    "click": ("cli",),
    "rich": ("cli",),
    "prompt_toolkit": ("cli",),
    "pygments": ("cli",),
    "mcp": ("cli",),
    "pyiceberg": ("compact.iceberg",),
}


def name_of(path: Path) -> str:
    """`ledger.dynamodb` for its file; the package itself is empty."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").strip(".")


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever in it, but for those that only type checkers read."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            module = node.module or ""
            if module == "penstock":
                yield from (f"penstock.{alias.name}" for alias in node.names)
            else:
                yield module


def test_every_module_has_a_layer() -> None:
    """A new module says where it belongs."""
    assert {name_of(path).split(".")[0] for path in MODULES} <= set(RANK)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    """No module imports one of a later layer."""
    own = RANK[name_of(path).split(".")[0]]
    for module in imports(path):
        if module.startswith("penstock."):
            there = module.removeprefix("penstock.").split(".")[0]
            assert RANK.get(there, 0) <= own, f"{name_of(path)} imports {module}"


def lives_in(name: str, home: str) -> bool:
    """Whether a module is the home of a library, below it, or one of its files."""
    return name == home or name.startswith((f"{home}.", f"{home}_"))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_heavy_libraries_stay_at_home(path: Path) -> None:
    """Each is imported only where it has its home."""
    name = name_of(path)
    for module in imports(path):
        homes = HOMES.get(module.split(".")[0])
        at_home = homes is None or any(lives_in(name, home) for home in homes)
        assert at_home, f"{name} imports {module}"


def test_homes_are_lived_in() -> None:
    """A home in which nobody imports the library any more is taken off the list."""
    found = {(name_of(path), module.split(".")[0]) for path in MODULES for module in imports(path)}
    left = {
        (library, home)
        for library, homes in HOMES.items()
        for home in homes
        if not any(library == module and lives_in(name, home) for name, module in found)
    }
    assert left == set()


def listed(path: Path) -> list[str] | None:
    """What a module's `__all__` says."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets
        ):
            return list(ast.literal_eval(node.value))
    return None


def top_level(path: Path) -> tuple[set[str], set[str]]:
    """Names that a module defines, and names that it imports."""
    defined: set[str] = set()
    imported: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            defined.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            imported |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            defined |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            defined.add(node.target.id)
    return defined, imported


FILES = {f"penstock.{name_of(path)}".removesuffix("."): path for path in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_lists_name_what_is_there(path: Path) -> None:
    """`__all__` is there where anything is public, names each once, and nothing that does not exist."""
    defined, imported = top_level(path)
    names = listed(path)
    if names is None:
        declared = {"TABLE", "SOURCE"} & defined  # catalogue files are found by their file name
        assert (
            declared or not {name for name in defined if not name.startswith("_")} or path.stem == "__main__"
        )
        return
    assert len(set(names)) == len(names)
    assert set(names) <= defined | imported, sorted(set(names) - defined - imported)


@pytest.mark.parametrize(
    "path", [*MODULES, *sorted((ROOT / "functions").rglob("*.py"))], ids=lambda path: path.stem
)
def test_only_listed_names_are_used_elsewhere(path: Path) -> None:
    """Who imports a name from another module finds it in that module's `__all__`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.ImportFrom) and (node.module or "") in FILES):
            continue
        names = listed(FILES[node.module or ""])
        for alias in node.names:
            is_module = f"{node.module}.{alias.name}" in FILES
            private = (node.module or "").rpartition(".")[2].startswith("_")
            if not is_module and not private and names is not None and alias.name != "__version__":
                assert alias.name in names, f"{node.module}.{alias.name} is used but not in __all__"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_say_what_they_are_for(path: Path) -> None:
    """A docstring each; no drawer for leftovers."""
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
    assert path.stem not in ("utils", "helpers", "common", "manager", "base")


def tree() -> list[Path]:
    """Every file that is or would be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout.splitlines()  # fmt: skip
    return [ROOT / name for name in listed if (ROOT / name).is_file() or (ROOT / name).is_symlink()]


# Pieced together, so that this file is no hit itself.
FORBIDDEN = re.compile(
    "|".join(
        (
            "/wo" + "rk/(main|shared)",
            "/ho" + "me/[a-z]+/",
            "/ro" + r"ot/(?!_)",
            "pypi" + r"\.org",
            "pythonhosted" + r"\.org",
            "registry\\.npm" + "js",
            "repo1?\\.maven" + r"\.(apache\.)?org",
        )
    )
)


def test_no_paths_of_a_machine_no_hosts_of_registries() -> None:
    """The tree names neither a folder of somebody's machine nor where packages come from."""
    files = tree()
    if not files:
        pytest.skip("not a git checkout")
    wrong = [f"{path.relative_to(ROOT)}: a link to {path.readlink()}" for path in files if path.is_symlink()]
    for path in (path for path in files if path.is_file()):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        wrong += [f"{path.relative_to(ROOT)}: {found.group()}" for found in FORBIDDEN.finditer(text)]
    assert wrong == []
