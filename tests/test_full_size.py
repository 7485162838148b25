"""The study's models at their real shapes, weights random: what one training step and an encode need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIMIT_GB = 12.0

MAKE = """
import sys
from pathlib import Path
from tests import hub_checkpoints
from tests.phrases import PHRASES
make = getattr(hub_checkpoints, f"make_{sys.argv[1]}")
make(Path(sys.argv[2]), [text for pair in PHRASES for text in pair], full_size=True)
"""

# Through the code of the stages: load, adapter, one batch of the study's recipe in both directions, encode.
STEP = """
import resource, sys, tempfile
from pathlib import Path
from stages.lib.models import add_lora, encode, load_encoder
from stages.lib.core.params import TRANSLATION_SCORES, load_params
from stages.finetune.translation import TranslationBatches
from stages.finetune.contrastive import fit
from tests.phrases import PHRASES, corpus
name, folder = sys.argv[1:]
params = load_params()
config = params.models_config[name].model_copy(update={"id": folder, "revision": None})
recipe = params.recipe("study", name).model_copy(update={"epochs": 1})
# NLLB learns to translate, with its decoder and the whole vocabulary, as the study has it.
make_batches = TranslationBatches.of if recipe.select in TRANSLATION_SCORES else None
model = load_encoder(name, config)
parameters = sum(value.numel() for value in model.parameters())
add_lora(model, recipe, config)
with tempfile.TemporaryDirectory() as out:
    checkpoint = Path(out) / "last.pt"
    progress = fit(model, corpus(PHRASES[:8]), recipe, 1, lambda: {"score": 0.0}, checkpoint, make_batches)
assert progress.epoch == 1
vectors = encode(model, [tgt for _, tgt in PHRASES], "tk")
assert len(vectors) == len(PHRASES)
print(parameters, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least_parameters"), [("minilm", 115e6), ("labse", 465e6), ("nllb", 600e6)])
def test_a_step_and_an_encode_of_the_real_shape_fit(
    name: str, least_parameters: float, tmp_path: Path
) -> None:
    folder = str(tmp_path / name)
    for code in (MAKE, STEP):
        done = subprocess.run(
            [sys.executable, "-c", code, name, folder], cwd=ROOT, text=True, capture_output=True, timeout=1800
        )
        assert done.returncode == 0, done.stderr[-2000:]
    parameters, peak_gb = map(float, done.stdout.split())
    print(f"{name}: {parameters / 1e6:.0f} M parameters, peak {peak_gb:.1f} GB")
    assert parameters > least_parameters
    assert peak_gb < LIMIT_GB
