"""Builds what Lambda is given: the functions, the library and their dependencies, for any target.

    python infra/build.py                    build/lambda-arm64-py3.13, what is deployed
    python infra/build.py --arch x86_64 --python 3.11 --target DIR
    python infra/build.py --lock             write functions/requirements.txt anew from pyproject.toml

Needs nothing but Python and pip. Wheels are taken for the target's platform, so an arm64 artefact
comes out of any machine. Fails when the unpacked size passes Lambda's limit. See
docs/decisions/one-artefact.md for what goes in and what stays out.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "functions" / "requirements.txt"
MB = 2**20
LIMIT_MB = 250
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, unzipped, layers included."""

PYTHON = "3.13"
ARCHES = {"arm64": "aarch64", "aarch64": "aarch64", "x86_64": "x86_64", "amd64": "x86_64"}

LEFT_OUT = {
    "click": "the command line",
    "rich": "the command line",
    "prompt-toolkit": "the shell",
    "pygments": "the shell",
    "pyarrow": "DuckDB writes the Parquet",
    "duckdb-extension-inet": "reading",
    "sqlalchemy": "the Iceberg catalogue of a hive in a directory",
}
"""Dependencies of the package that no function needs, and what needs them."""

EXTRAS = ("iceberg",)
"""Optional dependencies that a function may need."""

_NOT_ASKED = frozenset(
    [
        "certifi",
        "charset-normalizer",
        "fsspec",
        "idna",
        "markdown-it-py",
        "mdurl",
        "pyroaring",
        "requests",
        "tenacity",
    ]
)
"""What pyiceberg brings for its own command line, for other stores and catalogues, and for deleting rows."""

SERVICES = frozenset({"dynamodb", "glue", "kms", "lambda", "logs", "s3", "secretsmanager", "sqs", "sts"})
"""What boto3 is asked for in the functions; the models of all others (20 MB) stay out."""

_NOT_SHIPPED = (
    "penstock/cli",
    "boto3/examples",
    "zstandard/_cffi.*.so",  # the other one of its two backends; backend_c is what CPython takes
    "zstandard/backend_cffi.py",
    "pyiceberg/cli",
    "fb303",
    "hive_metastore",  # pyiceberg's; the tables are in Glue
    "bin",
    "cli",  # python-hcl2's own command line
)
_NOT_SHIPPED_ANYWHERE = (
    "**/__pycache__",
    "**/tests",
    "**/*.pyi",
    "**/*.dist-info/INSTALLER",
    "**/*.dist-info/RECORD",
    "**/*.dist-info/REQUESTED",
    "**/*.dist-info/direct_url.json",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; exits with a message when the artefact is too big."""
    parser = argparse.ArgumentParser(description="Build the artefact for Lambda.")
    parser.add_argument("--arch", default="arm64", choices=sorted(ARCHES))
    parser.add_argument("--python", default=PYTHON, help="version of the runtime, for example 3.13")
    parser.add_argument("--target", type=Path)
    parser.add_argument("--lock", action="store_true", help="write functions/requirements.txt anew")
    given = parser.parse_args(arguments)
    if given.lock:
        lock()
        return
    target = given.target or ROOT / "build" / f"lambda-{given.arch}-py{given.python}"
    build(target, given.arch, given.python)
    sizes = weigh(target)
    print(table(sizes, target))
    refuse_oversize(sizes, target)


def build(target: Path, arch: str, python: str = PYTHON) -> None:
    """Fill `target`, emptied before, with the artefact for one architecture and Python version."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    # The hashes are those of the wheels for what is deployed; other Python versions have other wheels.
    checked = REQUIREMENTS if python == PYTHON else _without_hashes(REQUIREMENTS, target)
    _pip(
        "install",
        "--no-deps",
        "--no-compile",
        "--target",
        str(target),
        "-r",
        str(checked),
        *_platform(arch, python),
    )
    if checked != REQUIREMENTS:
        checked.unlink()
    shutil.copytree(ROOT / "shared" / "penstock", target / "penstock")
    shutil.copytree(ROOT / "functions", target / "functions")
    _ready_parser(target)
    _strip(target)
    _compile(target, python)
    _even_out_times(target)


def lock() -> None:
    """Resolve the functions' dependencies for both architectures; write versions and wheel hashes."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    optional = project["optional-dependencies"]
    declared = [*project["dependencies"], *(one for extra in EXTRAS for one in optional[extra])]
    wanted = [one for one in declared if distribution(one) not in LEFT_OUT]
    pins: dict[str, set[str]] = {}
    for arch in ("arm64", "x86_64"):
        for name, digest in _resolve(wanted, arch):
            pins.setdefault(name, set()).add(digest)
    versions = [pin.partition("==")[0] for pin in pins]
    if len(versions) != len(set(versions)):
        raise SystemExit(f"the architectures resolve to different versions: {sorted(pins)}")
    lines = ["# What the functions ship. Written by `python infra/build.py --lock` from pyproject.toml."]
    for pin, digests in sorted(pins.items()):
        lines.append(" \\\n".join([pin, *(f"    --hash=sha256:{digest}" for digest in sorted(digests))]))
    REQUIREMENTS.write_text("\n".join(lines) + "\n")


def distribution(requirement: str) -> str:
    """The normalized name in a requirement such as `Some_Name[extra]>=1`."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    if not found:
        raise ValueError(f"found {requirement!r}, expected a requirement")
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def weigh(target: Path) -> dict[str, int]:
    """Bytes by top-level entry of the artefact; a package's metadata counts with everything small."""
    sizes: dict[str, int] = {}
    for file in target.rglob("*"):
        if file.is_file():
            top = file.relative_to(target).parts[0]
            name = "(metadata)" if top.endswith(".dist-info") else top
            sizes[name] = sizes.get(name, 0) + file.stat().st_size
    return sizes


def table(sizes: Mapping[str, int], target: Path) -> str:
    """What takes the space, biggest first."""
    rows = sorted(sizes.items(), key=lambda pair: -pair[1])
    total = sum(sizes.values())
    lines = [f"{size / MB:8.1f} MB  {100 * size / total:4.1f} %  {name}" for name, size in rows]
    return "\n".join([*lines, f"{total / MB:8.1f} MB  of {LIMIT_MB}    {target}"])


def refuse_oversize(sizes: Mapping[str, int], target: Path) -> None:
    """Exit with a message when Lambda would not take it."""
    total = sum(sizes.values()) / MB
    if total > LIMIT_MB:
        raise SystemExit(
            f"{target}: found {total:.1f} MB unpacked, expected at most {LIMIT_MB} (Lambda's limit)"
        )


def _resolve(wanted: Sequence[str], arch: str) -> Iterable[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        more = ["--dry-run", "--ignore-installed", "--quiet", "--target", scratch, "--report", str(report)]
        _pip("install", *more, *_platform(arch, PYTHON), *wanted)
        for one in json.loads(report.read_text())["install"]:
            name = distribution(one["metadata"]["name"])
            if name in LEFT_OUT or name in _NOT_ASKED:
                continue
            digest = one["download_info"]["archive_info"]["hashes"]["sha256"]
            yield f"{name}=={one['metadata']['version']}", digest


def _platform(arch: str, python: str) -> list[str]:
    """Options that make pip take wheels for Lambda (Amazon Linux 2023: glibc 2.34) and nothing else."""
    machine = ARCHES[arch]
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(34, 16, -1)]
    names = [*tags, f"manylinux2014_{machine}"]
    platforms = [option for name in names for option in ("--platform", name)]
    return [*platforms, "--python-version", python, "--implementation", "cp", "--only-binary=:all:"]


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"pip {arguments[0]} failed:\n{done.stdout}{done.stderr}")


def _without_hashes(requirements: Path, target: Path) -> Path:
    text = re.sub(r" *\\\n +--hash=\S+", "", requirements.read_text())
    plain = target.with_suffix(".requirements.txt")
    plain.write_text(text)
    return plain


def _ready_parser(target: Path) -> None:
    """Make the HCL parser's tables now: at a cold start that takes two seconds, every time."""
    tables = target / "penstock" / "config" / "grammar.bin"
    # What is run here is pure Python, whatever machine the rest of the artefact is for.
    subprocess.run(
        [sys.executable, "-m", "penstock.config.grammar", str(tables)],
        check=True,
        env={**os.environ, "PYTHONPATH": str(target), "PYTHONDONTWRITEBYTECODE": "1"},
    )


def _strip(target: Path) -> None:
    for pattern in (*_NOT_SHIPPED, *_NOT_SHIPPED_ANYWHERE):
        for path in list(target.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in (target / "botocore" / "data").iterdir():
        if path.is_dir() and path.name not in SERVICES:
            shutil.rmtree(path)
    for path in (target / "boto3" / "data").iterdir():
        if path.is_dir() and path.name not in SERVICES:
            shutil.rmtree(path)


def _compile(target: Path, python: str) -> None:
    """Do now what each cold start would do again: /var/task is read-only, no bytecode is kept there."""
    command = _interpreter(python)
    if not command:
        print(f"no Python {python} here: shipped without bytecode, cold starts compile (about 0.3 s)")
        return
    # Nobody checks it against the sources (unchecked-hash): an artefact does not change.
    options = ["-q", "--invalidation-mode", "unchecked-hash", "-s", str(target), "-p", "/var/task"]
    subprocess.run([command, "-m", "compileall", *options, str(target)], check=True)


def _interpreter(python: str) -> str:
    """A Python of that version on this machine, "" when there is none; bytecode is its version's own."""
    for command in (sys.executable, shutil.which(f"python{python}")):
        if command:
            done = subprocess.run([command, "--version"], check=False, capture_output=True, text=True)
            if done.stdout.startswith(f"Python {python}."):
                return command
    return ""


def _even_out_times(target: Path) -> None:
    """One time for all files, so that the same content gives the same zip (1980: the oldest a zip knows)."""
    for path in target.rglob("*"):
        os.utime(path, (315532800, 315532800))


if __name__ == "__main__":
    main()
