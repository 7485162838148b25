"""dvc.yaml, the folders of the code, params.yaml, the Makefile and the README agree."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from stages.lib.core.params import PINS, read_yaml

ROOT = Path(__file__).resolve().parents[1]
STAGES = read_yaml(ROOT / "dvc.yaml")["stages"]
VERBS = sorted({name.split("_")[0] for name in STAGES})
PACKAGES = ("stages", "commands", "crawler")
CODE = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def room(path: Path) -> str:
    """The folder that dvc.yaml names for a module: stages/align, stages/lib/core, commands, crawler."""
    parts = path.relative_to(ROOT).parts
    if parts[0] != "stages":
        return parts[0]
    return "/".join(parts[:3] if parts[1] == "lib" else parts[:2])


def modules(nodes: Iterable[ast.AST], path: Path) -> frozenset[Path]:
    """The repository's own modules that import statements among the nodes name."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            base = ".".join([*above, *filter(None, [node.module])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    targets = [ROOT.joinpath(*name.split(".")) for name in names if name.split(".")[0] in PACKAGES]
    files = [file for target in targets for file in (target.with_suffix(".py"), target / "__init__.py")]
    return frozenset(file for file in files if file.is_file() and file != path)


@functools.cache
def imports(path: Path) -> frozenset[Path]:
    """What a module imports, anywhere in it."""
    return modules(ast.walk(ast.parse(path.read_text(encoding="utf-8"))), path)


def imports_at_once(path: Path) -> frozenset[Path]:
    """What is imported when the module is, but for packages without content."""
    found = modules(ast.parse(path.read_text(encoding="utf-8")).body, path)
    return frozenset(file for file in found if file.stat().st_size)


@functools.cache
def closure(path: Path) -> frozenset[Path]:
    todo, seen = [path], set()
    while todo:
        file = todo.pop()
        if file not in seen:
            seen.add(file)
            todo += imports(file)
    return frozenset(seen)


@pytest.mark.parametrize("name", sorted(STAGES))
def test_a_stage_depends_on_its_own_package_and_the_rooms_that_it_imports(name: str) -> None:
    verb = name.split("_")[0]
    assert re.match(r"python -m stages\.(\w+) ", STAGES[name]["cmd"])[1] == verb
    needed = {room(file) for file in closure(ROOT / f"stages/{verb}/__main__.py") if file.stat().st_size}
    listed = {dep for dep in STAGES[name]["deps"] if dep.startswith("stages/")}
    assert listed == needed
    assert 2 <= len(listed) <= 6


def may_import(mine: str, other: str) -> bool:
    """Stages import lib and never each other, lib never a stage, the crawler neither; commands everything."""
    if mine in ("commands", "crawler"):
        return mine == "commands" or other == "crawler"
    return other.startswith("stages/lib/") or (other == mine and mine != "stages/lib")


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    others = {room(file) for file in imports(path) if file.stat().st_size}
    assert not {other for other in others if not may_import(room(path), other)}


def test_no_module_imports_itself_by_way_of_others() -> None:
    at_top = {path: imports_at_once(path) for path in CODE}
    done: set[Path] = set()

    def visit(path: Path, above: tuple[Path, ...]) -> None:
        circle = " -> ".join(file.name for file in (*above, path))
        assert path not in above, circle
        if path not in done:
            for other in sorted(at_top[path]):
                visit(other, (*above, path))
            done.add(path)

    for path in CODE:
        visit(path, ())


def test_every_lib_module_has_two_users() -> None:
    """What one stage alone uses lies in its package, not in lib."""
    for path in sorted((ROOT / "stages/lib").rglob("*.py")):
        if path.name == "__init__.py":
            continue
        users = {room(file) for file in CODE if path in closure(file) and file != path}
        stages = {user for user in users if not user.startswith("stages/lib")}
        assert len(stages) >= 2, f"{path.relative_to(ROOT)} is used by {', '.join(stages) or 'nobody'} alone"


@pytest.mark.parametrize("verb", VERBS)
def test_the_package_of_a_stage_tells_its_story(verb: str) -> None:
    text = ast.get_docstring(ast.parse((ROOT / f"stages/{verb}/__init__.py").read_text(encoding="utf-8")))
    assert text, f"stages/{verb}/__init__.py says nothing"
    assert len(text.splitlines()) >= 2


def test_a_folder_holds_at_most_fifteen_modules_and_a_function_sixty_lines() -> None:
    for folder in {path.parent for path in CODE}:
        assert len(list(folder.glob("*.py"))) <= 15, folder
    for path in [*CODE, *sorted((ROOT / "bench").glob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 60, f"{path}: {node.name}"


def test_params_of_every_stage_exist_and_every_block_is_read() -> None:
    params = read_yaml(ROOT / "params.yaml")
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    for stage in STAGES.values():
        for key in stage.get("params", []):
            assert key.split(".")[0] in params
    # engine changes no result; annotate and crawl are read by commands and by the crawler.
    unread = {key for key in params if not re.search(rf"\b{key}\b", text)}
    assert unread == {"annotate", "crawl"}


def test_every_pin_is_a_dependency_of_a_stage() -> None:
    deps = "\n".join(dep for stage in STAGES.values() for dep in stage["deps"])
    for place in PINS.values():
        assert place in deps


def test_make_targets_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z][a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.M), f"make {target}"
