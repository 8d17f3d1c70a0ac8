"""The project's own files agree with each other."""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

import certdesk

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKED = re.compile(r"^([a-z0-9.-]+)==(\S+)", re.MULTILINE)


def names(path: Path) -> str:
    """Return how a test names a document."""
    return str(path.relative_to(ROOT))


def locked(name: str) -> dict[str, str]:
    """Return the versions in a lock file."""
    return dict(LOCKED.findall((ROOT / name).read_text()))


def project_name(requirement: str) -> str:
    """Return the normalised name in a requirement."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def targets() -> set[str]:
    """Return the Makefile's commands."""
    return set(re.findall(r"^\.PHONY: (\w+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_runtime_is_locked_to_the_versions_that_are_tested() -> None:
    """A desk runs with what the tests ran with."""
    assert locked("requirements-runtime.lock").items() <= locked("requirements.lock").items()


def test_every_dependency_is_locked() -> None:
    """Nothing is asked for that the lock file does not have."""
    groups = PROJECT["dependency-groups"]
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["server"]]
    wanted += [entry for group in groups.values() for entry in group if isinstance(entry, str)]
    assert {project_name(requirement) for requirement in wanted} <= locked("requirements.lock").keys()


def test_the_build_is_locked_too() -> None:
    """What builds the project is in both lock files, since it is installed without build isolation."""
    assert set(PROJECT["dependency-groups"]["build"]) == set(PROJECT["build-system"]["requires"])
    required = {project_name(requirement) for requirement in PROJECT["build-system"]["requires"]}
    assert required <= locked("requirements-runtime.lock").keys()


def test_make_help_lists_every_command() -> None:
    """A contributor need not read the Makefile."""
    listed = subprocess.run(["make", "-C", ROOT, "help"], capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"make (\w+)", listed)) >= targets()


def test_the_contributors_guide_names_every_command() -> None:
    """The guide's table is complete."""
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    assert {target for target in targets() if f"`make {target}`" not in guide} == set()


def test_the_changelog_knows_the_version() -> None:
    """What is released stands in the changelog; until then it is called unreleased."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{certdesk.__version__}]" in changelog or "## [Unreleased]" in changelog


@pytest.mark.parametrize("script", ["script/debian-packages", "script/environment", "script/step", ".ci/run"])
def test_a_script_can_be_run(script: str) -> None:
    """What the Makefile and CI call has its executable bit."""
    assert os.access(ROOT / script, os.X_OK)


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link in a document names a file, and its anchor a heading."""
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)]+)\)", document.read_text()):
        path, _, anchor = target.partition("#")
        file = document.parent / path if path else document
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, target


@pytest.mark.parametrize(
    "folder", sorted((ROOT / "src" / "certdesk").glob("*/__init__.py")), ids=lambda p: p.parent.name
)
def test_the_architecture_names_every_folder(folder: Path) -> None:
    """The map of the code has no white spots."""
    assert f"`{folder.parent.name}/`" in (ROOT / "docs" / "architecture.md").read_text()


def test_decisions_are_numbered_and_listed() -> None:
    """Every decision's page stands in the list, and its number is its own."""
    pages = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    numbers = [page[:4] for page in pages]
    assert len(numbers) == len(set(numbers))
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    assert [page for page in pages if f"({page})" not in index] == []
