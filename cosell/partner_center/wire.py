"""How Partner Center's JSON is read: any case of key, and null, "" and missing all say the same: nothing."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema


def _in_utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _no_number(raw: object) -> object:
    if isinstance(raw, datetime) or (isinstance(raw, str) and _BEGINS_WITH_A_DAY.match(raw)):
        return raw
    raise ValueError("not a point in time")


_BEGINS_WITH_A_DAY = re.compile(r"\s*\d{4}-\d{2}-\d{2}")
Moment = Annotated[datetime, BeforeValidator(_no_number), AfterValidator(_in_utc)]
"""A point in time, aware, in UTC; the seventh digit of the fraction is dropped, and no number is taken for seconds."""


@dataclass(frozen=True, slots=True)
class AsItCame:
    """A value of the deal which cannot be read stays as it came: whoever maps the field parks it, the rest goes on."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Wrap the reading of the type; what is not of the type is written as what it is."""
        written = core_schema.simple_ser_schema("any")
        return core_schema.no_info_wrap_validator_function(_as_it_came, handler(source), serialization=written)


def _as_it_came(raw: object, read: ValidatorFunctionWrapHandler) -> object:
    try:
        return read(raw)
    except ValidationError:
        return raw


def _or_nothing(raw: object, read: ValidatorFunctionWrapHandler) -> object:
    try:
        return read(raw)
    except ValidationError:
        return None


OrNothing = WrapValidator(_or_nothing)
"""What we only use when it is there counts as missing when it cannot be read."""


class WireModel(BaseModel):
    """A part of what Partner Center answers; members we do not know are kept.

    Microsoft's pages show the same member as `DealValue` and `dealValue`, the service sends the latter.
    """

    model_config = ConfigDict(
        extra="allow", frozen=True, alias_generator=to_camel, populate_by_name=True, coerce_numbers_to_str=True
    )

    @model_validator(mode="before")
    @classmethod
    def _read_any_case(cls, members: object) -> object:
        if not isinstance(members, dict):
            return members
        names = _names_of(cls)
        known: dict[str, object] = {}
        for name, member in members.items():
            field = names.get(name) or names.get(str(name).lower())
            if field is None:
                known.setdefault(str(name), member)
            elif member is not None and member != "":
                known[field] = member
        return known


@cache
def _names_of(model: type[WireModel]) -> dict[str, str]:
    """Return, for each spelling in which a member may come, the one which the model reads."""
    names: dict[str, str] = {}
    for name, field in model.model_fields.items():
        alias = field.alias or name
        names |= {alias: alias, alias.lower(): alias, name: alias}
    return names
