"""What is in force for one document, and where each value comes from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import typer

from bedrock_autoscaler.adapters.documents.fields import shipped_defaults
from bedrock_autoscaler.adapters.documents.text import merged, read_object
from bedrock_autoscaler.adapters.stored_settings import StoredVersion
from bedrock_autoscaler.application.ports.settings import SettingsProblem
from bedrock_autoscaler.application.settings.in_force import DEFAULTS, STACK, unpacked
from bedrock_autoscaler.application.settings.tuning import leaves
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.cli.stack import SWITCH, StackAccess
from bedrock_autoscaler.domain.target import StackRails

SHIPPED, SUMMED = "shipped", "sum over the targets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A document, what is wrong with it, and what is in force.

    Attributes:
        stored: the newest version; None where there is no document.
        problem: why it is not in force; None when it is.
        settings_version: hash of the target in force; empty for `defaults` and `stack`, and while
            nothing of it is.
        effective: the document in force merged with what lies under it.
        origins: by the path of each value: `document`, `defaults`, `shipped`, or the sum over the
            targets.
    """

    name: str
    stored: StoredVersion | None
    problem: SettingsProblem | None
    settings_version: str
    effective: Mapping[str, Any]
    origins: Mapping[str, str]

    def to_document(self) -> dict[str, object]:
        """As JSON values."""
        problem = self.problem
        return {
            "document": self.name,
            "version": self.stored.version if self.stored else None,
            "problem": {"field": problem.field, "message": problem.message} if problem else None,
            "settings_version": self.settings_version,
            "in_force": dict(self.effective),
            "origins": dict(self.origins),
        }


def standing_of(access: StackAccess, name: str) -> Standing:
    """How a document stands.

    Raises:
        CommandError: there is no such document.
        ObservationError: Parameter Store or the ledger could not be read.
    """
    settings = access.settings()
    texts = access.tuning.parameters.documents().texts
    if name == STACK and settings.stack is None:
        return _plain_standing(STACK, None, caps_of(settings.rails), SUMMED)
    if name == SWITCH and (thrown := access.stored.switch_versions()):
        return _plain_standing(SWITCH, thrown[-1], {SWITCH: thrown[-1].text}, "document")
    if name not in texts and name != STACK:
        raise CommandError(
            f"there is no document {access.stored.parameter(name)}; documents: "
            f"{', '.join(sorted(texts)) or 'none'}"
        )
    problem = next((one for one in settings.problems if one.document == name), None)
    layers = _layers(access, name, texts, is_valid=problem is None)
    target = next((one for one in settings.targets if one.name == name), None)
    effective: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for _origin, layer in layers:
        effective = merged(effective, layer)
    for path, _ in leaves(effective):
        origins[path] = next(
            (origin for origin, layer in reversed(layers) if _has(layer, path)), SHIPPED
        )
    return Standing(
        name=name,
        stored=access.stored.newest(name),
        problem=problem,
        settings_version=target.settings_version if target else "",
        effective=effective,
        origins=origins,
    )


def caps_of(rails: StackRails) -> dict[str, float]:
    """The caps of all targets together, by their fields in the document `stack`."""
    return {
        "max_units": rails.max_units,
        "max_usd_per_hour": float(rails.max_usd_per_hour),
        "max_usd_per_day": float(rails.max_usd_per_day),
        "max_usd_per_month": float(rails.max_usd_per_month),
    }


def caps_command(caps: Mapping[str, Any]) -> str:
    """The command that writes a document `stack` with these caps."""
    texts = (f"{name}={f'{value:.12g}' if value else 'N'}" for name, value in caps.items())
    return f"bedrock-autoscaler settings set {STACK} {' '.join(texts)}"


def print_standing(standing: Standing, *, every: bool) -> None:
    """The state of the document, then its values with where they come from."""
    _print_state(standing)
    shown = 0
    for path, value in leaves(standing.effective):
        origin = standing.origins[path]
        if every or origin != SHIPPED:
            shown += 1
            typer.echo(f"  {path} = {json.dumps(value, ensure_ascii=False)}  [{origin}]")
    if SUMMED in standing.origins.values():
        typer.echo(f"to write one, with other caps: {caps_command(standing.effective)}")
    hidden = len(standing.origins) - shown
    if hidden:
        typer.echo(f"  {hidden} further fields have their shipped value; --all shows them")


def _print_state(standing: Standing) -> None:
    stored = standing.stored
    if stored is not None:
        typer.secho(
            f"{standing.name}: version {stored.version} of {stored.at:%Y-%m-%d %H:%M} UTC by "
            f"{stored.by}{f': {stored.why}' if stored.why else ''}",
            bold=True,
        )
    if standing.problem is not None:
        field = f"{standing.problem.field}: " if standing.problem.field else ""
        typer.secho(f"INVALID: {field}{standing.problem.message}", fg=typer.colors.RED)
        typer.echo("in force is the last valid text:" if standing.effective else "not in force")
    if standing.settings_version:
        typer.echo(f"in force as settings {standing.settings_version}")
    if SUMMED in standing.origins.values():
        typer.echo(f"{STACK}: there is no document; in force are the sums over the targets' caps:")


def _plain_standing(
    name: str, stored: StoredVersion | None, values: Mapping[str, Any], origin: str
) -> Standing:
    """What consists of a few values of one origin."""
    return Standing(
        name=name,
        stored=stored,
        problem=None,
        settings_version="",
        effective=values,
        origins=dict.fromkeys(values, origin),
    )


def _layers(
    access: StackAccess, name: str, texts: Mapping[str, str], *, is_valid: bool
) -> list[tuple[str, dict[str, Any]]]:
    """What lies over what, the lowest first; for an invalid document that which was kept."""
    text = texts.get(name)
    below = _usable_defaults(access, texts)
    if not is_valid:
        kept = access.tuning.last_good.get(name)
        if kept is None:
            return []
        below, text = (below, kept) if name in {DEFAULTS, STACK} else unpacked(kept)
    document = [("document", read_object(text))] if text is not None else []
    if name == STACK:
        return document
    shipped = [(SHIPPED, shipped_defaults())]
    if name == DEFAULTS or below is None:
        return [*shipped, *document]
    return [*shipped, (DEFAULTS, read_object(below)), *document]


def _usable_defaults(access: StackAccess, texts: Mapping[str, str]) -> str | None:
    text = texts.get(DEFAULTS)
    if text is None or access.tuning.parser.check_defaults(text) is None:
        return text
    return access.tuning.last_good.get(DEFAULTS)


def _has(layer: Mapping[str, Any], path: str) -> bool:
    return any(at == path or at.startswith(f"{path}.") for at, _ in leaves(layer))
