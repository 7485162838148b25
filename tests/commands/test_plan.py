from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest

from commands import plan as planning
from commands.plan import SIZES, assumed, disk, page, plan
from stages.lib.core.errors import DataError
from stages.lib.core.files import read_json

ROOT = Path(__file__).resolve().parents[2]
COSTS = read_json(ROOT / "metrics/bench/costs.json")


def steps(pairs: int, gpus: int, costs: dict = COSTS) -> dict[str, planning.Step]:
    return {step.name: step for step in plan(costs, pairs, gpus)}


def test_the_committed_page_is_that_of_the_committed_costs(tmp_path: Path) -> None:
    out = tmp_path / "planning.md"
    subprocess.run([sys.executable, "-m", "commands.plan", "--out", str(out)], cwd=ROOT, check=True)
    assert out.read_text(encoding="utf-8") == (ROOT / "docs/planning.md").read_text(encoding="utf-8")


def test_a_step_takes_its_unit_cost_times_its_units() -> None:
    costs = copy.deepcopy(COSTS)
    costs["clean"] |= {"core_s_per_pair": 0.001, "ram_bytes_per_pair": 3000.0}
    clean = steps(10**8, 8, costs)["clean"]
    assert clean.seconds == pytest.approx(10**8 * 0.001 / (8 * assumed("cores")))
    assert clean.ram == pytest.approx(3e11)
    costs["extract"] |= {"sentences_per_page": 10.0}
    costs["crawl"] = {"delay_s": 2.0}
    # 200,000 pages, two seconds each, at 20 sites at once; GPUs do not matter.
    crawls = [steps(10**6, gpus, costs)["crawl"].seconds for gpus in (1, 8)]
    assert crawls == [pytest.approx(20_000)] * 2
    embed = steps(10**6, 1, costs)["embed"]
    operations = 2 * 10**6 * costs["embed"]["flops_per_text"]
    assert embed.loads["GPU"] == pytest.approx(operations / (0.3 * 67e12))
    assert embed.seconds == max(embed.loads.values())
    tune = steps(10**6, 1, costs)["fine-tune"]
    assert tune.seconds == pytest.approx(sum(tune.loads.values()))
    assert tune.loads[tune.limit] == max(tune.loads.values())


def test_search_is_exact_up_to_a_million_and_grows_with_the_square_of_the_size() -> None:
    rate = COSTS["mine"]["exact_flops_per_core_s"] * assumed("cores")
    mined = [steps(pairs, 1)[planning.MINING].seconds for pairs in SIZES]
    assert mined[0] == pytest.approx(4 * 10**12 * COSTS["embed"]["dim"] / rate)
    assert mined[2] / mined[1] == pytest.approx(100, rel=0.05)


def test_what_eight_gpus_cannot_speed_up_stays_as_it_was() -> None:
    one, eight = steps(10**8, 1), steps(10**8, 8)
    for name in ("split", "align documents"):
        assert eight[name].limit == "one core"
        assert eight[name].seconds == one[name].seconds
    assert eight["clean"].seconds == pytest.approx(one["clean"].seconds / 8)
    dev = "dev score, one process"
    assert eight["fine-tune"].loads[dev] == pytest.approx(one["fine-tune"].loads[dev])


def test_what_does_not_fit_is_said() -> None:
    costs = copy.deepcopy(COSTS)
    costs["clean"]["ram_bytes_per_pair"] = 1e5
    assert "too little for clean" in page(costs)
    costs["clean"]["ram_bytes_per_pair"] = costs["split"]["ram_bytes_per_pair"] = 1.0
    assert "too little" not in page(costs)
    assert disk(COSTS, 2 * 10**6)["pairs"] == pytest.approx(2 * disk(COSTS, 10**6)["pairs"])


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.456, "0.46 s"),
        (89, "89 s"),
        (5400, "1.5 h"),
        (4500, "75 min"),
        (86400 * 20, "20 d"),
        (4e8, "13 years"),
    ],
)
def test_times_are_in_the_unit_that_suits(seconds: float, expected: str) -> None:
    assert planning._time(seconds) == expected


def test_a_missing_figure_is_named() -> None:
    costs = copy.deepcopy(COSTS)
    del costs["embed"]["dim"]
    with pytest.raises(DataError, match=r"no figure 'dim'; run python -m bench\.costs"):
        page(costs)
