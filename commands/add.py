"""Add a corpus of your own: a table of pairs, a translation memory, a Moses pair or a folder of documents.

The files go to ``corpora/``, which DVC tracks and git does not hold; git gets ``sources/<name>.yaml`` and the
name in params.yaml. The pairs train; a held-out share has to be asked for, since it changes the test set, and
figures on another test set compare with nothing.
"""

from __future__ import annotations

import itertools
import logging
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.cli import Parser
from commands.share.remote import run_dvc
from stages.align.keys import pair_by_key
from stages.collect.transports import collect
from stages.extract.documents.languages import decide_language
from stages.extract.pairs.tsv import find_form, records
from stages.extract.sources import extract
from stages.lib.core.cli import run
from stages.lib.core.errors import DataError, KopriError, ParamsError
from stages.lib.core.files import atomic_path
from stages.lib.core.params import Params, load_params
from stages.lib.text.letters import script_share

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger("add")

CORPORA, PARAMS = Path("corpora"), Path("params.yaml")
LICENSE = "LicenseRef-own-corpus"
MAX_PAIRS = 1_000_000
SHOWN = 3
# Rows by which the language of a column is told.
SAMPLE = 50
# What headers call the two sides and the document; languages go by their codes as well.
_SIDES = {"src": "src", "source": "src", "tgt": "tgt", "target": "tgt", "doc": "doc", "document": "doc"}
_TABLES, _MEMORIES = (".tsv", ".csv", ".txt"), (".tmx",)


def corpus_name(file: Path, name: str | None) -> str:
    """Return the source's name: as given, or the file's in the letters that names have."""
    chosen = name or re.sub(r"[^a-z0-9]+", "_", _stem(file).lower()).strip("_")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", chosen):
        raise ParamsError(
            f"name {chosen!r}: expected small letters, digits and _, a letter first; give NAME="
        )
    if Path("sources", f"{chosen}.yaml").exists():
        raise ParamsError(f"sources/{chosen}.yaml is there already; give another NAME=, or edit that file")
    return chosen


def _suffix(file: Path) -> str:
    return "".join(file.suffixes[-2:] if file.suffix == ".gz" else file.suffixes[-1:]).lower()


def _stem(file: Path) -> str:
    return file.name.removesuffix(_suffix(file)) if file.is_file() else file.name


def describe(files: Sequence[Path], params: Params) -> dict[str, Any]:
    """Return format and options of a corpus. Raises ParamsError or DataError if they are unclear."""
    if absent := [str(file) for file in files if not file.exists()]:
        raise ParamsError(
            f"{absent[0]}: not found; expected FILE=pairs.tsv (.csv, .tmx, a folder, 'a.ru a.tk')"
        )
    if len(files) == 2:
        langs = [file.name.removesuffix(".gz").rpartition(".")[2].lower() for file in files]
        if sorted(langs) != sorted([params.pair.src, params.pair.tgt]):
            raise ParamsError(
                f"{files[0].name} and {files[1].name}: expected names that end in .{params.pair.src} and "
                f".{params.pair.tgt}, the pair of params.yaml"
            )
        return {"format": "moses", "options": {"langs": langs, "max_pairs": MAX_PAIRS}}
    if len(files) != 1:
        raise ParamsError(
            f"FILE: expected one file, one folder or the two files of a Moses pair, found {len(files)}"
        )
    (file,) = files
    kind = _suffix(file).removesuffix(".gz")
    if file.is_dir():
        return {"format": "documents"}
    if kind in _MEMORIES:
        return {"format": "tmx", "options": {"max_pairs": MAX_PAIRS}}
    if kind in _TABLES:
        return {"format": "tsv", "options": {"columns": find_columns(file, params), "max_pairs": MAX_PAIRS}}
    raise ParamsError(
        f"{file}: ends in {kind or 'nothing'}; expected {', '.join((*_TABLES, *_MEMORIES))} or a folder"
    )


def find_columns(file: Path, params: Params) -> dict[str, str | int]:
    """Return the columns of a table's languages: by the names in its first line, else by what is in them.

    Raises DataError, with what was found, if they are not clear.
    """
    with file.open("rb") as opened:
        form = find_form(opened, str(file))
        rows = [row for _, row in itertools.islice(records(opened, form, str(file)), SAMPLE)]
    if not rows or len(rows[0]) < 2:
        raise DataError(
            f"{file}: expected two columns or more, found {len(rows[0]) if rows else 'no row'} ({form})"
        )
    pair = params.pair
    sides = _SIDES | {pair.src: "src", pair.tgt: "tgt"}
    named = {sides[cell.strip().lower()]: cell for cell in rows[0] if cell.strip().lower() in sides}
    places: dict[str, str | int] = named
    if not {"src", "tgt"} <= named.keys():
        places = _places_by_language(rows, params) | ({"doc": named["doc"]} if "doc" in named else {})
        # All by name or all by number, and by name only under a header.
        if any(_is_of_another_script(rows, places[side]) for side in ("src", "tgt") if side in places):
            places = {side: rows[0][at - 1] if isinstance(at, int) else at for side, at in places.items()}
        else:
            places.pop("doc", None)
    if not {"src", "tgt"} <= places.keys():
        raise DataError(
            f"{file}: cannot tell the columns of {pair.src} and {pair.tgt}; found {', '.join(rows[0])[:150]} "
            f"({form}); name them {pair.src} and {pair.tgt} in a first line"
        )
    columns = {pair.src: places["src"], pair.tgt: places["tgt"]}
    return columns | ({"doc": places["doc"]} if "doc" in places else {})


def _places_by_language(rows: Sequence[Sequence[str]], params: Params) -> dict[str, str | int]:
    places: dict[str, str | int] = {}
    for number in range(len(rows[0])):
        text = " ".join(row[number] for row in rows[1:] or rows if number < len(row))
        side = {params.pair.src: "src", params.pair.tgt: "tgt"}.get(decide_language(text).lang or "")
        if side:
            places.setdefault(side, number + 1)
    return places


def _is_of_another_script(rows: Sequence[Sequence[str]], place: str | int) -> bool:
    """Tell whether the first cell of a column is in another script than the others: then it is a header."""
    first, *others = (row[int(place) - 1] for row in rows if len(row) >= int(place))
    shares = [script_share(text, "Cyrl") > 0.5 for text in (first, " ".join(others) or first)]
    return shares[0] != shares[1]


def try_out(name: str, params: Params) -> tuple[pl.DataFrame, Counter[str]]:
    """Return the segments that the stages read of a source, and what they counted."""
    report: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "raw.tar"
        collect(name, params.source(name), raw)
        return extract(name, params.source(name), raw, pdf=params.pdf, report=report), report


def list_in_params(name: str, held_out: float, path: Path = PARAMS) -> None:
    """Add the source to params.yaml, comments kept: to train, or with a share of its documents in test."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    settings = yaml.load(path.read_text(encoding="utf-8"))
    settings["sources"].append(name)
    if held_out:
        settings["split"]["held_out"] = {**(settings["split"].get("held_out") or {}), name: held_out}
    else:
        settings["split"]["train_sources"].append(name)
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yaml.dump(settings, file)


def add_corpus(files: Sequence[Path], name: str, license: str, held_out: float) -> None:
    """Add the files as the source ``name``; nothing stays of a corpus that cannot be read.

    Raises a KopriError that says what is wrong with it.
    """
    params = load_params()
    about = describe(files, params)
    places = [CORPORA / f"{name}{_suffix(file) if file.is_file() else ''}" for file in files]
    for place in places:
        if place.exists():
            raise DataError(f"{place}: is there already; give another NAME=, or remove it")
    pins = Path("sources", f"{name}.yaml")
    before = PARAMS.read_bytes()
    try:
        for file, place in zip(files, places, strict=True):
            with atomic_path(place) as temporary:
                (shutil.copytree if file.is_dir() else shutil.copy2)(file, temporary)
        config = {"transport": "folder", "license": license, "domain": "own corpus", **about}
        _write_pins(pins, config | {"files": list(map(str, places))})
        list_in_params(name, held_out)
        params = load_params()
        segments, report = try_out(name, params)
        _show(name, segments, report, params)
        run_dvc("add", *map(str, places))
    except (KopriError, OSError, KeyboardInterrupt):
        PARAMS.write_bytes(before)
        for path in (pins, *places, *(place.with_name(f"{place.name}.dvc") for place in places)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        raise
    # So that the next commit holds all of it.
    pointers = [f"{place}.dvc" for place in places]
    subprocess.run(
        ["git", "add", str(pins), str(PARAMS), str(CORPORA / ".gitignore"), *pointers], check=False
    )
    where = f"{held_out:.0%} of its documents go to test, the others train" if held_out else "its pairs train"
    log.info("%s: added; %s. Run `dvc repro`, and commit what git status shows.", name, where)


def _write_pins(path: Path, config: dict[str, Any]) -> None:
    import yaml

    order = ("transport", "format", "license", "domain", "files", "options")
    ordered = {key: config[key] for key in order if key in config}
    text = yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True)
    path.write_text(f"# Added by make add; docs/adding.md explains the keys.\n{text}", encoding="utf-8")


def _show(name: str, segments: pl.DataFrame, report: Counter[str], params: Params) -> None:
    """Log the first pairs, or of documents the first texts, and what was refused."""
    pair = params.pair
    pairs = pair_by_key(segments.with_row_index("row"), pair.src, pair.tgt)
    for src, tgt in pairs.select("src", "tgt").head(SHOWN).iter_rows():
        log.info("  %s: %s  |  %s: %s", pair.src, src[:80], pair.tgt, tgt[:80])
    if pairs.is_empty():
        for lang, text in segments.select("lang", "text").head(SHOWN).iter_rows():
            log.info("  %s: %s", lang, text[:80])
    counts = ", ".join(f"{count:,} {reason}" for reason, count in sorted(report.items()) if count)
    log.info(
        "%s: %s pairs, %s texts%s",
        name,
        f"{len(pairs):,}",
        f"{len(segments):,}",
        f"; {counts}" * bool(counts),
    )


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise ParamsError(f"HELD_OUT: expected a share from 0 to below 1, found {text!r}")
    return value


def main() -> None:
    """Parse the command line, ask for the held-out share on a terminal, and add the corpus."""
    parser = Parser(prog="python -m commands.add", description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, help="a table, a memory, a folder, or two Moses files")
    parser.add_argument("--name", help="the source's name (default: the file's)")
    parser.add_argument(
        "--license", default=LICENSE, help="SPDX name of its licence (default: %(default)s, kept back)"
    )
    parser.add_argument("--held-out", help="share of its documents for the test set (default: 0)")
    args = parser.parse_args()
    name = corpus_name(args.files[0], args.name)
    answer = args.held_out
    if answer is None and sys.stdin.isatty():
        answer = input("Share of its documents to hold out for testing, 0 to 1 [0, all train]: ").strip()
    add_corpus(args.files, name, args.license, _share(answer or "0"))


if __name__ == "__main__":
    run(main)
