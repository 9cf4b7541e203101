"""From an answer to a model; what cannot be read is told by field names, never by values."""

import logging
from typing import TypeVar

from pydantic import ValidationError

from cosell.errors import Origin, RequestRejected, ServiceUnreachable
from cosell.http.answer import Answer
from cosell.partner_center.models import Referral
from cosell.partner_center.wire import WireModel

logger = logging.getLogger(__name__)
SERVICE_NAME = "Partner Center"

Model = TypeVar("Model", bound=WireModel)


def read_model(model: type[Model], document: object, *, record: str, request_id: str = "") -> Model:
    """Return the document as a model.

    Raises:
        RequestRejected: a member has a form that we do not know.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(str(part) for part in item["loc"]) for item in error.errors()}))
        origin = Origin(service=SERVICE_NAME, record=record, field=fields, request_id=request_id)
        raise RequestRejected("Partner Center's answer has a form we cannot read", origin=origin) from None


def read_answer(model: type[Model], answer: Answer, *, record: str) -> Model:
    """Return the body of an answer as a model.

    Raises:
        ServiceUnreachable: there is no body where one has to be.
        RequestRejected: as `read_model`.
    """
    document = answer.find_object()
    if document is None:
        raise ServiceUnreachable(
            "Partner Center answered without a body: whether it was done is not known, look first",
            origin=Origin(service=SERVICE_NAME, record=record, code=str(answer.status), request_id=answer.request_id),
        )
    return read_model(model, document, record=record, request_id=answer.request_id)


def read_page(answer: Answer) -> tuple[list[Referral], str | None]:
    """Return the referrals of one page and its next link; a referral that cannot be read is logged and left out.

    One odd referral must not hold up the others; asked for by its id, it raises.
    """
    document = answer.find_object()
    if document is None:
        origin = Origin(service=SERVICE_NAME, code=str(answer.status), request_id=answer.request_id)
        raise ServiceUnreachable("Partner Center answered a listing without a body", origin=origin)
    members = {name.lower(): member for name, member in document.items()}
    rows = members.get("value")
    referrals = []
    for row in rows if isinstance(rows, list) else []:
        record = f"referral {row.get('id', '')}" if isinstance(row, dict) else "referral"
        try:
            referrals.append(read_model(Referral, row, record=record, request_id=answer.request_id))
        except RequestRejected as error:
            logger.error("left out of a listing: %s", error)  # noqa: TRY400 - no traceback, it would show values
    link = members.get("@odata.nextlink") or members.get("nextlink")
    return referrals, link if isinstance(link, str) else None
