from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from stages.lib.core.files import read_json
from tests.judgements import annotation, task, write_export
from tests.phrases import PHRASES

ROOT = Path(__file__).parents[3]


def report(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "commands.annotate", "report", "--annotations", folder / "annotations"),
            *("--out", folder / "annotation.json", "--second-look", folder / "second-look.tsv"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
    )


def test_the_report_tells_agreement_and_lists_ties(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    says = [("exact", "exact"), ("wrong", "wrong"), ("exact", "minor"), ("exact", "wrong")]
    tasks = [
        task(n, annotation(0, one, n, 8 + n), annotation(1, other, n, 9 + n))
        for n, (one, other) in enumerate(says)
    ]
    write_export(tmp_path / "annotations/a.json", tasks)
    done = report(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "4 pairs, 8 judgements: keep 2, reject 1, second_look 1" in done.stdout
    assert "Krippendorff's alpha, keep or reject: 0.533" in done.stdout
    assert (tmp_path / "second-look.tsv").read_text(encoding="utf-8").split("\t")[1] == PHRASES[3][0]
    figures = read_json(tmp_path / "annotation.json")
    # By hand: 8 values, 5 keep and 3 reject; 2 of 8 differ within a pair, 2 * 5 * 3 / 7 of 8 by chance.
    assert figures["alpha_keep"]["value"] == round(1 - 2 / (2 * 5 * 3 / 7), 4)
    before = (tmp_path / "annotation.json").read_bytes()
    report(tmp_path)
    assert (tmp_path / "annotation.json").read_bytes() == before


def test_without_judgements_it_says_so_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    done = report(tmp_path)
    assert done.returncode == 1
    assert "no judgement of ru-tk pairs" in done.stderr
    assert not (tmp_path / "annotation.json").exists()
