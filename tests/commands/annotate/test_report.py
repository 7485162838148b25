from __future__ import annotations

from pathlib import Path

from stages.lib.core.files import read_json
from tests.judgements import annotation, task, write_export
from tests.phrases import PHRASES
from tests.run_command import ROOT, run_command


def test_the_report_tells_agreement_and_lists_ties(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    verdicts = [("exact", "exact"), ("wrong", "wrong"), ("exact", "minor"), ("exact", "wrong")]
    tasks = [
        task(n, annotation(0, first, n, 8 + n), annotation(1, second, n, 9 + n))
        for n, (first, second) in enumerate(verdicts)
    ]
    write_export(tmp_path / "annotations/a.json", tasks)
    arguments = ["commands.annotate", "report", "--annotations", tmp_path / "annotations"]
    arguments += ["--out", tmp_path / "annotation.json", "--second-look", tmp_path / "second-look.tsv"]
    done = run_command(ROOT, *arguments)
    assert done.returncode == 0, done.stderr
    assert "4 pairs, 8 judgements: keep 2, reject 1, second_look 1" in done.stdout
    assert "Krippendorff's alpha, keep or reject: 0.533" in done.stdout
    assert (tmp_path / "second-look.tsv").read_text(encoding="utf-8").split("\t")[1] == PHRASES[3][0]
    figures = read_json(tmp_path / "annotation.json")
    # By hand: 8 values, 5 keep and 3 reject; 2 of 8 differ within a pair, 2 * 5 * 3 / 7 of 8 by chance.
    assert figures["alpha_keep"]["value"] == round(1 - 2 / (2 * 5 * 3 / 7), 4)
    before = (tmp_path / "annotation.json").read_bytes()
    run_command(ROOT, *arguments)
    assert (tmp_path / "annotation.json").read_bytes() == before
