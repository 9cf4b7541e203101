"""What lasts how long is told two weeks ahead, as far as anybody can know."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from cosell.http.lifetimes import IDLE_LIMIT, Lifetime, Standing, judge_lifetimes
from cosell.settings import Settings
from tests.unit.http.fakes import made_up_settings
from tests.unit.http.keys import make_pair

NOW = datetime(2031, 3, 1, 9, 0, tzinfo=UTC)


def judged(settings: Settings, *, used_at: datetime | None = NOW) -> dict[str, Lifetime]:
    return {each.what: each for each in judge_lifetimes(settings, sign_in_used_at=used_at, now=NOW)}


def with_crm(**changes: object) -> Settings:
    settings = made_up_settings()
    return settings.model_copy(update={"dataverse": settings.dataverse.model_copy(update=changes)})


def test_secret_whose_end_nobody_told_is_not_known_and_says_how_to_be_warned() -> None:
    found = judged(made_up_settings())
    assert [found[what].standing for what in ("CRM credential", "Partner Center credential")] == [Standing.UNKNOWN] * 2
    assert "COSELL_DATAVERSE__CLIENT_SECRET_EXPIRES_ON" in found["CRM credential"].told


@pytest.mark.parametrize(
    ("days", "standing"),
    [
        (16, Standing.LASTS),
        (14, Standing.ENDS_SOON),
        (1, Standing.ENDS_SOON),
        (0, Standing.ENDED),
        (-3, Standing.ENDED),
    ],
)
def test_secret_is_told_two_weeks_ahead(days: int, standing: Standing) -> None:
    found = judged(with_crm(client_secret_expires_on=(NOW + timedelta(days=days)).date()))["CRM credential"]
    assert found.standing is standing
    assert ("COSELL_DATAVERSE__CLIENT_SECRET and" in found.todo) == found.wants_attention


@pytest.mark.parametrize(
    ("days", "standing"), [(15, Standing.LASTS), (14, Standing.ENDS_SOON), (0, Standing.ENDED), (-3, Standing.ENDED)]
)
def test_certificate_tells_its_end_itself(days: int, standing: Standing, tmp_path: Path) -> None:
    path = tmp_path / "crm.pfx"
    path.write_bytes(make_pair(expires_at=NOW + timedelta(days=days)).pfx("pw"))
    settings = with_crm(certificate=path, certificate_password=SecretStr("pw"), client_secret=None)
    found = judged(settings)["CRM credential"]
    assert (found.standing, found.ends_at) == (standing, NOW + timedelta(days=days))
    assert ("COSELL_DATAVERSE__CERTIFICATE" in found.todo) == found.wants_attention


def test_certificate_that_cannot_be_read_is_as_good_as_ended(tmp_path: Path) -> None:
    found = judged(with_crm(certificate=tmp_path / "gone.pem", client_secret=None))["CRM credential"]
    assert found.standing is Standing.ENDED
    assert "COSELL_DATAVERSE__CERTIFICATE names" in found.told


def test_public_client_has_nothing_that_ends() -> None:
    settings = made_up_settings()
    own = settings.partner_center.model_copy(update={"client_secret": None})
    found = judged(settings.model_copy(update={"partner_center": own}))
    assert found["Partner Center credential"].standing is Standing.LASTS


@pytest.mark.parametrize(
    ("idle_days", "standing"),
    [(0, Standing.LASTS), (75, Standing.LASTS), (76, Standing.ENDS_SOON), (90, Standing.ENDED)],
)
def test_sign_in_ends_when_nobody_uses_it(idle_days: int, standing: Standing) -> None:
    used_at = NOW - timedelta(days=idle_days)
    found = judged(made_up_settings(), used_at=used_at)["sign-in"]
    assert (found.standing, found.ends_at) == (standing, used_at + IDLE_LIMIT)


def test_secret_may_end_in_the_first_hour_of_its_last_day() -> None:
    found = judged(with_crm(client_secret_expires_on=date(2031, 3, 2)))["CRM credential"]
    assert found.ends_at == datetime(2031, 3, 2, tzinfo=UTC)
