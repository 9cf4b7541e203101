"""What goes from one tenant to another: mapping files and variables, and whether the other CRM can take them."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosell.cli.checks.crm import judge_mapping, mapped_tables
from cosell.cli.checks.finding import Finding, Verdict
from cosell.cli.opening import read_variable_sheet
from cosell.domain.ids import TenantName
from cosell.domain.tenants import tenant_variable
from cosell.errors import ConfigurationError, MappingInvalid
from cosell.mapping.effective import VariableSheet
from cosell.mapping.loader import FILES, load_mappings
from cosell.settings import Settings
from cosell.wiring import open_crm

BEFORE = ".before"
"""Ending of the file that is kept of what stood there; the loader does not read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A mapping file which becomes another one; None where there is none."""

    name: str
    old: str | None
    new: str | None

    def iter_lines(self) -> Iterator[str]:
        """Yield what differs, as `diff -u` shows it."""
        old, new = (self.old or "").splitlines(), (self.new or "").splitlines()
        yield from difflib.unified_diff(old, new, f"{self.name} now", f"{self.name} then", lineterm="", n=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableChange:
    """A variable which gets another value."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """What would change, and what the target's CRM says to it."""

    files: tuple[FileChange, ...]
    variables: tuple[VariableChange, ...]
    findings: tuple[Finding, ...]

    @property
    def is_empty(self) -> bool:
        """Whether both are alike already."""
        return not self.files and not self.variables

    @property
    def misfits(self) -> list[Finding]:
        """What the target's CRM cannot take."""
        return [item for item in self.findings if item.verdict is Verdict.FAILED]


async def plan_promotion(source: Settings, target: Settings) -> Promotion:
    """Compare both, and hold what would be in use against the target's CRM; nothing is written.

    Raises:
        ConfigurationError: the target has no directory of mapping files of its own, or a variable says what it may not.
        RetryableError: a service does not answer.
    """
    theirs = await read_variable_sheet(source)
    mappings = theirs.read().fill_in(load_mappings(source.mappings_dir))
    async with open_crm(target, mappings) as dataverse:
        tables = await dataverse.find_tables(mapped_tables(mappings, theirs.read()))
    return Promotion(
        files=tuple(_iter_files(source, target)),
        variables=tuple(_iter_variables(theirs, await read_variable_sheet(target))),
        findings=tuple(judge_mapping(mappings, tables)),
    )


def _iter_files(source: Settings, target: Settings) -> Iterator[FileChange]:
    theirs, ours = _read_overlay(source.mappings_dir), _read_overlay(target.mappings_dir)
    is_shared = bool(source.mappings_dir and target.mappings_dir) and (
        Path(str(source.mappings_dir)).resolve() == Path(str(target.mappings_dir)).resolve()
    )
    if theirs != ours and target.mappings_dir is None:
        raise ConfigurationError(
            f"The tenant {target.tenant} has no mapping files of its own: set COSELL_MAPPINGS_DIR in its settings to a "
            "directory for them."
        )
    for name in () if is_shared else sorted({*theirs, *ours}):
        if theirs.get(name) != ours.get(name):
            yield FileChange(name=name, old=ours.get(name), new=theirs.get(name))


def _read_overlay(directory: Path | None) -> dict[str, str]:
    if directory is None or not directory.exists():
        return {}
    paths = [path for path in sorted(directory.glob("[!.]*.y*ml")) if path.stem in FILES]
    try:
        return {path.name: path.read_text("utf-8") for path in paths}
    except (OSError, UnicodeError) as error:
        raise MappingInvalid(f"The files in {directory} cannot be read ({type(error).__name__}).") from None


def _iter_variables(theirs: VariableSheet, ours: VariableSheet) -> Iterator[VariableChange]:
    for new, old in zip(theirs.rows, ours.rows, strict=True):
        if new.value != old.value:
            yield VariableChange(name=new.variable.name, old=old.value, new=new.value)


def write_files(promotion: Promotion, target: Settings) -> None:
    """Put the files into the target's directory; what stood there is kept beside them.

    Raises:
        ConfigurationError: they cannot be written.
    """
    if not promotion.files or target.mappings_dir is None:
        return
    directory = target.mappings_dir
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for change in promotion.files:
            path = directory / change.name
            if change.old is not None:
                (directory / f"{change.name}{BEFORE}").write_text(change.old, "utf-8")
            if change.new is None:
                path.unlink()
                continue
            fresh = directory / f"{change.name}.new"
            fresh.write_text(change.new, "utf-8")
            fresh.replace(path)
    except OSError as error:
        raise ConfigurationError(f"{directory} cannot be written: {(error.strerror or 'no').lower()}.") from None


async def write_variables(promotion: Promotion, target: Settings) -> None:
    """Set the variables of the target in Prefect.

    Raises:
        ServiceUnreachable: the Prefect server does not answer.
    """
    import httpx
    from prefect.variables import Variable  # Prefect reads its settings when it is first imported

    from cosell.dispatch import unreachable

    try:
        for change in promotion.variables:
            name = tenant_variable(change.name, TenantName(target.tenant))
            await Variable.aset(name, change.new, tags=["cosell"], overwrite=True)
    except httpx.HTTPError as error:
        raise unreachable(error) from None
