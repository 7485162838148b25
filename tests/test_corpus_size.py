"""Clean and split at 200,000 pairs: bounded time and memory, at most 12 times the time of 20,000."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from stages.lib.core.tables import PAIR_SCHEMA, pair_id, table_from_rows, write_table

ROOT = Path(__file__).resolve().parents[1]
RUN = (
    "import resource, subprocess, sys\n"
    "code = subprocess.run([sys.executable, '-m', *sys.argv[1:]]).returncode\n"
    "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
    "print(code, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6)"
)


def write_pairs(path: Path, count: int) -> None:
    """Write pairs of made-up words with a language's frequencies (Zipf); one in twenty repeats another."""
    chance = random.Random(5)
    letters = {"ru": ("бвгдзклмнпрстш", "аеиоуыя"), "tk": ("bdgjklmnprstýş", "aäeioöuüy")}
    sides = {}
    for lang, (hard, soft) in letters.items():
        syllables = [x + y for x in hard for y in soft]
        words = ["".join(chance.choices(syllables, k=chance.randint(1, 5))) for _ in range(30_000)]
        sides[lang] = chance.choices(words, [1 / (rank + 10) for rank in range(len(words))], k=1_000_000)
    rows: list[tuple] = []
    for n in range(count):
        k = chance.randint(4, 22)
        src, tgt = (
            " ".join(sides[lang][(at := chance.randrange(999_000)) : at + k]) for lang in ("ru", "tk")
        )
        if rows and n % 20 == 0:
            src, tgt = f"{chance.choice(rows)[1]} да", f"{rows[-1][2]} we"
        source = ("django", "udhr", "zod", "antd")[n // 20 % 4]
        row = (
            pair_id("ru", src, "tk", tgt),
            src,
            tgt,
            "ru",
            "tk",
            source,
            f"d{n // 20}",
            None,
            n % 20,
            n % 20,
        )
        rows.append((*row, "key", 0.9, "MIT"))
    write_table(table_from_rows(rows, PAIR_SCHEMA), path, PAIR_SCHEMA)


def measure(*command: str) -> tuple[float, float]:
    """Run a stage; return CPU-seconds and gigabytes."""
    done = subprocess.run([sys.executable, "-c", RUN, *command], cwd=ROOT, capture_output=True, text=True)
    code, seconds, gigabytes = map(float, done.stdout.split())
    assert code == 0, done.stderr[-2000:]
    return seconds, gigabytes


@pytest.mark.slow
def test_clean_and_split_are_fast_and_grow_with_the_corpus(tmp_path: Path) -> None:
    used: dict[str, list[tuple[float, float]]] = {"clean": [], "split": []}
    for count in (200, 20_000, 200_000):  # the first compiles
        write_pairs(tmp_path / "pairs.parquet", count)
        out = {
            name: str(tmp_path / name) for name in ("pairs.parquet", "corpus", "dropped", "judged", "stats")
        }
        used["clean"].append(
            measure(
                *("stages.clean", "--pairs", out["pairs.parquet"], "--annotations", "data/annotations"),
                *("--out", out["corpus"], "--dropped", out["dropped"], "--judged", out["judged"]),
                *("--stats", out["stats"]),
            )
        )
        if count > 200:
            used["split"].append(
                measure(
                    *("stages.split", "--corpus", out["corpus"], "--judged", out["judged"]),
                    *("--fingerprints", "assets/fingerprints.json.gz", "--out", str(tmp_path / "splits")),
                    *("--stats", out["stats"]),
                )
            )
    print(used)
    for small, large in (used["clean"][1:], used["split"]):
        assert large[0] < 75  # 64 measured on a busy machine
        assert large[1] < 1.6
        assert large[0] < 12 * small[0]
