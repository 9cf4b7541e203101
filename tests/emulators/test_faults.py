"""Broken calls in process, where there is no connection to cut: the client hears what it would hear from httpx."""

import httpx
import pytest

from tests.emulators.stand import REFERRALS, Stand, own_referral


@pytest.mark.parametrize(("moment", "count"), [("before", 0), ("after", 1)])
async def test_a_cut_call_is_an_error_of_the_transport(stand: Stand, moment: str, count: int) -> None:
    await stand.control("PUT", "faults", [{"method": "POST", "path": "referrals$", "action": {"reset": moment}}])

    with pytest.raises(httpx.RemoteProtocolError):
        await stand.http.post(REFERRALS, json=own_referral())

    await stand.control("DELETE", "faults")
    assert len((await stand.http.get(REFERRALS)).json()["value"]) == count
    assert (await stand.control("GET", "health"))["status"] == "healthy"


async def test_half_a_body_is_an_error_of_the_transport(stand: Stand) -> None:
    await stand.control("PUT", "faults", [{"path": "referrals$", "action": {"truncate": True}}])

    with pytest.raises(httpx.RemoteProtocolError):
        await stand.http.get(REFERRALS)


async def test_a_spoilt_call_never_reaches_the_service(stand: Stand) -> None:
    rule = {"path": "referrals$", "action": {"status": 503, "body": "<html>Service Unavailable</html>"}, "times": 1}
    await stand.control("PUT", "faults", rule)

    answer = await stand.http.post(REFERRALS, json={})

    assert (answer.status_code, answer.text) == (503, "<html>Service Unavailable</html>")
    assert await stand.violated() == []


async def test_controls_are_never_spoilt(stand: Stand) -> None:
    await stand.control("PUT", "faults", [{"action": {"status": 500}}])

    assert (await stand.control("GET", "health"))["status"] == "healthy"


async def test_probability_is_repeatable(stand: Stand) -> None:
    async def spoilt() -> list[int]:
        await stand.control("DELETE", "faults")
        await stand.control("PUT", "faults", [{"probability": 0.5, "action": {"status": 503}}])
        return [(await stand.http.get(REFERRALS)).status_code for _ in range(20)]

    first = await spoilt()

    assert set(first) == {200, 503}
    assert await spoilt() == first
