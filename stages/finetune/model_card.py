"""The README.md beside an adapter: what it is made of and how, how well it does on dev, on which terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stages.lib.core.markdown import markdown_table

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.core.params import ModelConfig, Pair, Recipe

_LOADERS = {
    "sentence_transformer": """from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{id}"{revision})
model.load_adapter("path/to/this/folder")
model.encode(["{src_text}", "{tgt_text}"])""",
    "nllb": """from peft import PeftModel
from transformers import AutoModelForSeq2SeqLM

base = AutoModelForSeq2SeqLM.from_pretrained("{id}"{revision})
model = PeftModel.from_pretrained(base, "path/to/this/folder")""",
    "use": """from pathlib import Path

from stages.lib.models import encode, load_encoder
from stages.lib.core.params import load_params

config = load_params().models_config["{name}"]
model = load_encoder("{name}", config, adapter=Path("path/to/this/folder"))
encode(model, ["{tgt_text}"], "{tgt}")""",
}
# Its wheel is read by the project's own loader too, which prepares the text of each language.
_LOADERS["e5"] = _LOADERS["use"]
# "Welcome", for the code of the card.
_GREETINGS = {
    "ru": "Добро пожаловать",
    "tk": "Hoş geldiňiz",
    "uz": "Xush kelibsiz",
    "kk": "Қош келдіңіз",
    "ky": "Кош келиңиз",
    "az": "Xoş gəlmisiniz",
    "tg": "Хуш омадед",
    "tr": "Hoş geldiniz",
    "en": "Welcome",
}


def model_card(
    name: str,
    config: ModelConfig,
    base: str,
    pair: Pair,
    recipe_name: str,
    recipe: Recipe,
    rows: pl.DataFrame,
    summary: dict[str, Any],
) -> str:
    """Return the card of one adapter as Markdown.

    ``base`` names the base model without a local path; ``rows`` are the training pairs; ``summary`` is the
    seed's part of training.json.
    """
    revision = f', revision="{config.revision}"' if config.revision else ""
    src_text, tgt_text = (_GREETINGS.get(lang, "...") for lang in (pair.src, pair.tgt))
    code = _LOADERS[config.kind].format(
        name=name, id=base, revision=revision, tgt=pair.tgt, src_text=src_text, tgt_text=tgt_text
    )
    before, after = summary["dev_pretrained"], summary["dev"]
    figures = [key for key in after if key in before and key not in ("epoch", "loss", "scale")]
    data = _count(rows)
    languages = f"language:\n- {pair.src}\n- {pair.tgt}"
    sections = [
        f"---\nbase_model: {base}\nlibrary_name: peft\n{languages}\ntags:\n- lora\n---",
        f"# {name}, fine-tuned on {pair.src}–{pair.tgt} (seed {summary['seed']})",
        f"A LoRA adapter for {base}{f' at revision {config.revision}' if config.revision else ''}, "
        "made by the `finetune` stage of Köpri.",
        f"```python\n{code}\n```",
        "## Data",
        f"{summary['train_pairs']:,} training pairs; {summary['dev_pairs']:,} pairs of other documents "
        "to choose the epoch and the strength.",
        markdown_table([("source", "languages", "pairs", "licence"), *data], 4),
        "## Recipe",
        f"`{recipe_name}`; best epoch {summary['best_epoch']}, strength {summary['scale']:g}.",
        markdown_table(
            [("key", "value"), *((f"`{key}`", _plain(value)) for key, value in recipe.model_dump().items())]
        ),
        "## Figures on dev",
        "Dev chose the epoch, so these are no test figures: those are in `metrics/`.",
        markdown_table(
            [
                ("figure", "pretrained", "fine-tuned"),
                *((f"`{key}`", f"{before[key]:.4f}", f"{after[key]:.4f}") for key in figures),
            ],
            3,
        ),
        "## Licence",
        f"The base model's licence is {config.license or 'not stated'}; "
        "that of each source of text is in the table above. Whoever passes the adapter on has to heed both.",
    ]
    return "\n\n".join(sections) + "\n"


def _count(rows: pl.DataFrame) -> list[tuple[str, ...]]:
    import polars as pl

    counted = rows.group_by("source", "src_lang", "tgt_lang").agg(
        pl.len().alias("pairs"), pl.col("license").unique().sort().str.join(", ")
    )
    return [
        (row["source"], f"{row['src_lang']}–{row['tgt_lang']}", f"{row['pairs']:,}", row["license"])
        for row in counted.sort("source", "src_lang", "tgt_lang").iter_rows(named=True)
    ]


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
