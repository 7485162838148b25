"""Install the pinned requirements into the interpreter that runs this file.

It needs the standard library only, and the Makefile runs it by its path. An installed torch of a fitting
version stays: on Colab and other rented machines it is the build for their GPU. Without a GPU the CPU build
is asked for first, where pip knows one.
"""

from __future__ import annotations

import argparse
import platform
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

# What transformers 5.23 asks for, and the next major version, which nobody has tried.
OLDEST_TORCH, NEXT_MAJOR = (2, 6), (3,)
# Where Linux wheels of torch on package registries are CUDA builds.
CUDA_BY_DEFAULT = ("x86_64", "aarch64")
CUDA_SIZE = "about 3 GB to download, 5 GB on disk"


def version_tuple(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: (2, 13, 0) for 2.13.0+cpu."""
    return tuple(int(part) for part in re.match(r"\d+(\.\d+)*", version)[0].split("."))


def installed_torch() -> str | None:
    """Return the version of the torch that this interpreter has, None if it has none."""
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return None


def fits(version: str) -> bool:
    """Tell whether a version of torch is one that the project runs with."""
    return OLDEST_TORCH <= version_tuple(version) < NEXT_MAJOR


def has_gpu() -> bool:
    """Tell whether NVIDIA's driver lists a GPU."""
    if shutil.which("nvidia-smi") is None:
        return False
    listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=False)
    return listed.returncode == 0 and "GPU" in listed.stdout


def pip(*arguments: str, check: bool = True) -> bool:
    """Run pip in this interpreter and tell whether it succeeded; exit with its code if it must."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=not check, check=False)
    if check and done.returncode:
        sys.exit(f"error: pip install {' '.join(arguments)} failed, see above; then run make install again")
    return done.returncode == 0


def install_torch(pin: str) -> str:
    """Make sure of a torch, before anything that would bring another build, and return its version."""
    current = installed_torch()
    if current and fits(current):
        print(f"torch {current} is installed and stays", flush=True)
        return current
    if not has_gpu() and platform.system() == "Linux" and platform.machine() in CUDA_BY_DEFAULT:
        if pip(f"{pin}+cpu", check=False):
            return f"{pin.partition('==')[2]}+cpu"
        print(
            f"no GPU here, and pip knows no CPU build of {pin}: it may bring the CUDA build ({CUDA_SIZE}); "
            "to avoid it, stop, set PIP_EXTRA_INDEX_URL to the index of torch's CPU wheels, and run again",
            flush=True,
        )
    pip(pin)
    return pin.partition("==")[2]


def without_torch(path: Path) -> list[str]:
    """Return the lines of a requirements file but for torch's own."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("torch==")]


def main() -> None:
    parser = argparse.ArgumentParser(prog="commands/install.py", description=__doc__.splitlines()[0])
    parser.add_argument("--work", required=True, type=Path, help="a folder for the lists that pip is given")
    args = parser.parse_args()
    requirements, constraints = Path("requirements.txt"), Path("constraints.txt")
    pin = next(line for line in requirements.read_text().splitlines() if line.startswith("torch=="))
    args.work.mkdir(parents=True, exist_ok=True)
    torch = install_torch(pin)
    lists = args.work / "requirements.txt", args.work / "constraints.txt"
    lists[0].write_text("\n".join([f"torch=={torch}", *without_torch(requirements), ""]), encoding="utf-8")
    lists[1].write_text("\n".join([*without_torch(constraints), ""]), encoding="utf-8")
    pip("-r", str(lists[0]), "-c", str(lists[1]))


if __name__ == "__main__":
    main()
