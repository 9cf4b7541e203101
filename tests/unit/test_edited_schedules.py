"""Which schedules somebody has edited: told by what stood there right after the last deploying."""

from cosell.dispatch.schedules import Schedules, find_edited, with_slugs


def every(seconds: int, *, active: bool = True) -> list[dict[str, object]]:
    return [{"slug": "poll", "active": active, "parameters": {}, "schedule": {"interval": seconds}}]


def test_untouched_schedules_give_way_to_those_of_a_new_version() -> None:
    assert find_edited({"8": every(30)}, deployed={"8": every(30)}, left={}) == {}


def test_deployment_which_was_never_deployed_by_us_is_not_taken_for_edited() -> None:
    assert find_edited({"8": every(30)}, deployed={}, left={}) == {}


def test_changed_switched_off_and_deleted_schedules_were_edited() -> None:
    now: Schedules = {"6": every(60), "8": every(30, active=False), "9": [], "1": every(900)}
    deployed: Schedules = {"6": every(900), "8": every(30), "9": every(60), "1": every(900)}

    assert find_edited(now, deployed=deployed, left={}) == {"6": every(60), "8": every(30, active=False), "9": []}


def test_edits_survive_a_deploying_which_broke_off_before_they_were_put_back() -> None:
    shipped = every(30)

    assert find_edited({"8": shipped}, deployed={"8": shipped}, left={"8": every(77)}) == {"8": every(77)}


def test_deployment_that_is_gone_has_nothing_to_be_put_back() -> None:
    assert find_edited({}, deployed={"8": every(30)}, left={"8": every(77)}) == {}


def test_schedule_made_in_the_ui_gets_a_slug_which_no_other_has() -> None:
    given = [{**every(30)[0], "slug": slug} for slug in ("poll", None, "edited-1", None)]

    assert [schedule["slug"] for schedule in with_slugs(given)] == ["poll", "edited-2", "edited-1", "edited-3"]
