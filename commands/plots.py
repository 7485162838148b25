"""Draw DVC's plots, of the workspace or of several revisions, as one page that is read without a network.

DVC's own page loads its drawing library when it is opened. Here the library comes from pinned npm packages,
once, and is written into the page.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.collect.npm import check_integrity, fetch
from stages.lib.core import cli
from stages.lib.core.archives import read_tar
from stages.lib.core.errors import KopriError, SourceError
from stages.lib.core.files import atomic_path

log = logging.getLogger("plots")  # run with -m, __name__ says nothing

CACHE = Path(".cache/kopri/npm")


@dataclass(frozen=True)
class NpmFile:
    """One file of a pinned npm package; ``integrity`` is the package's ``sha512-<base64>``."""

    package: str
    version: str
    integrity: str
    path: str

    def fetch(self, cache: Path = CACHE) -> Path:
        """Return where the file lies, fetched with npm if it does not lie there yet.

        Raises SourceError if npm cannot fetch the package, or it is not what was pinned.
        """
        target = cache / f"{self.package}-{self.version}-{Path(self.path).name}"
        if not target.is_file():
            with tempfile.TemporaryDirectory(prefix="kopri-npm-") as folder:
                try:
                    tarball = fetch(self.package, self.version, Path(folder), self.package)
                except SourceError as error:
                    # What it advises further is for sources of text.
                    fault = str(error).partition("; check package")[0]
                    raise SourceError(f"{fault}; check the connection to the npm registry") from None
                check_integrity(tarball, self.integrity, self.package)
                member = f"package/{self.path}"
                with tarball.open("rb") as file:
                    content = read_tar(file, tarball.name, lambda name: name == member)[member]
            with atomic_path(target) as temporary:
                temporary.write_bytes(content)
        return target


# The last ones of the generation that DVC's templates are written for.
VEGA = (
    NpmFile(
        "vega",
        "5.33.1",
        "sha512-1fArfVDUqVbb5z8n+/nVQb+VNBzx8svY6CrsyTK4Ujm4yrd9I1auoKxBAPXLCavY1LcrbHUskQbGUP8gXOzyQw==",
        "build/vega.min.js",
    ),
    NpmFile(
        "vega-lite",
        "5.23.0",
        "sha512-l4J6+AWE3DIjvovEoHl2LdtCUkfm4zs8Xxx7INwZEAv+XVb6kR6vIN1gt3t2gN2gs/y4DYTs/RPoTeYAuEg6mA==",
        "build/vega-lite.min.js",
    ),
    NpmFile(
        "vega-embed",
        "6.29.0",
        "sha512-PmlshTLtLFLgWtF/b23T1OwX53AugJ9RZ3qPE2c01VFAbgt3/GSNI/etzA/GzdrkceXFma+FDHNXUppKuM0U6Q==",
        "build/vega-embed.min.js",
    ),
)


def page_template(scripts: Sequence[str]) -> str:
    """Return a template for DVC, which puts the plots in; without its ``{scripts}``, it loads nothing."""
    # An end tag within a text of the script would end the script's element.
    inline = "\n".join(
        ["<script>" + script.replace("</script", r"<\/script") + "</script>" for script in scripts]
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Köpri: plots</title>
<link rel="icon" href="data:,">
<style>
body {{ font: 16px/1.5 sans-serif; margin: 1rem; color: #1c1f23; background: #ffffff; }}
main > div {{ overflow-x: auto; margin: 0 0 2rem; }}
</style>
{inline}
</head>
<body>
<h1>Köpri: plots</h1>
<main>
{{plot_divs}}
</main>
</body>
</html>
"""


def draw(revisions: Sequence[str], out: Path) -> Path:
    """Let DVC write the page of the workspace's plots, or of revisions side by side; return where it is.

    Raises KopriError with DVC's message where it fails.
    """
    template = page_template([file.fetch().read_text(encoding="utf-8") for file in VEGA])
    with tempfile.TemporaryDirectory(prefix="kopri-plots-") as folder:
        path = Path(folder) / "template.html"
        path.write_text(template, encoding="utf-8")
        action = ["diff"] if revisions else ["show"]
        options = ["--html-template", str(path), "--out", str(out)]
        done = subprocess.run(
            [sys.executable, "-m", "dvc", "plots", *action, *options, "--", *revisions],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise KopriError(f"dvc plots {' '.join(action)} failed: {done.stderr.strip()}")
    if done.stderr.strip():
        log.warning("%s", done.stderr.strip())
    return out / "index.html"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.plots", description=__doc__)
    parser.add_argument(
        "revisions", nargs="*", help="experiments, branches, tags, commits; none: what lies here"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("data/plots"), help="folder of the page (default: data/plots)"
    )
    args = parser.parse_args()
    log.info("%s", draw(args.revisions, args.out))


if __name__ == "__main__":
    cli.run(main)
