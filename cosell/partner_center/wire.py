"""How Partner Center's JSON is read: any case of key, and null, "" and missing all say the same: nothing."""

from datetime import UTC, datetime
from functools import cache
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel


def _in_utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""A point in time, aware, in UTC; the seventh digit of the fraction is dropped."""


class WireModel(BaseModel):
    """A part of what Partner Center answers; members we do not know are kept.

    Microsoft's pages show the same member as `DealValue` and `dealValue`, the service sends the latter.
    """

    model_config = ConfigDict(extra="allow", frozen=True, alias_generator=to_camel, populate_by_name=True)

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
