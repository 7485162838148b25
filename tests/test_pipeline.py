"""dvc.yaml, params.yaml, the Makefile and the README agree with the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def imported(path: Path) -> set[Path]:
    """The project's own files that a module imports, anywhere in it, directly."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = path.relative_to(ROOT).parts[: -node.level]
                base = ".".join([*package, base]).rstrip(".")
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.split(".")[0] in ("stages", "crawler"):
                target = ROOT.joinpath(*name.split("."))
                candidates = (target.with_suffix(".py"), target / "__init__.py")
                found |= {file for file in candidates if file.is_file() and file.stat().st_size}
    return found


def closure(path: Path) -> set[Path]:
    todo, seen = [path], set()
    while todo:
        file = todo.pop()
        if file not in seen:
            seen.add(file)
            todo += imported(file)
    return seen


def module_of(stage: dict) -> Path:
    cmd = stage["cmd"] if isinstance(stage["cmd"], str) else stage["cmd"][0]
    return ROOT / (re.match(r"python -m (\S+)", cmd)[1].replace(".", "/") + ".py")


@pytest.mark.parametrize("name", sorted(STAGES))
def test_stage_depends_on_exactly_the_code_it_imports(name: str) -> None:
    needed = closure(module_of(STAGES[name]))
    listed = set()
    for dep in STAGES[name]["deps"]:
        if dep.startswith(("stages/", "crawler/")):
            path = ROOT / dep
            listed |= set(path.rglob("*.py")) if path.is_dir() else {path}
    lacking = sorted(str(path.relative_to(ROOT)) for path in needed - listed)
    surplus = sorted(str(path.relative_to(ROOT)) for path in listed - needed if path.stat().st_size)
    assert not lacking
    assert not surplus


@pytest.mark.parametrize("name", sorted(STAGES))
def test_stage_is_named_like_its_module(name: str) -> None:
    assert module_of(STAGES[name]).is_file()
    assert name.split("_")[0] == module_of(STAGES[name]).stem


def test_params_of_every_stage_exist() -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for stage in STAGES.values():
        for key in stage.get("params", []):
            assert key.split(".")[0] in params


def test_every_params_block_is_read_by_a_stage_or_a_command() -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    commands_own = {"annotate", "crawl"}  # read by commands.annotate_* and by the crawler
    assert {key for key in params if not re.search(rf"\b{key}\b", text)} == commands_own


def test_stages_never_import_stages_and_lib_never_imports_stages() -> None:
    for path in sorted((ROOT / "stages").rglob("*.py")):
        for file in imported(path):
            inside = file.relative_to(ROOT).parts
            assert inside[:2] == ("stages", "lib"), f"{path.name} imports {'/'.join(inside)}"


def test_make_targets_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z][a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.M), f"make {target}"
