"""`install`: everything is made, nothing is made twice, and what is in the way is named and left alone."""

from collections import Counter

from cosell.dataverse.install import UNFINISHED, Outcome, Result
from tests.crm.site import Site


def results(outcomes: list[Outcome]) -> Counter[Result]:
    return Counter(outcome.result for outcome in outcomes)


def of(outcomes: list[Outcome], part: str) -> Outcome:
    return next(outcome for outcome in outcomes if str(outcome.part) == part)


async def test_bare_crm_becomes_as_one_that_was_prepared(site: Site, prepared: Site) -> None:
    done = await site.install()

    assert [outcome for outcome in done if outcome.result in UNFINISHED] == []
    assert await site.portrait(with_platform=False) == await prepared.portrait(with_platform=False)
    assert site.violations() == []


async def test_second_run_writes_nothing(site: Site) -> None:
    first = await site.install()
    before = await site.portrait()

    second = await site.install()

    assert site.road.writes == []
    assert set(results(second)) == {Result.THERE}
    assert [outcome.part for outcome in second] == [outcome.part for outcome in first]
    assert await site.portrait() == before
