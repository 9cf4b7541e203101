"""After all these runs: Prefect and our programs have kept ids and field names only, and no rule was broken."""

from tests.flows.secrets import find_in_files, find_in_what_prefect_tells
from tests.flows.world import World


def test_no_person_and_no_secret_is_in_what_the_prefect_api_tells(world: World) -> None:
    assert find_in_what_prefect_tells(world) == []


def test_no_person_and_no_secret_is_in_the_files_of_prefect_and_in_the_logs(world: World) -> None:
    assert find_in_files(world) == []


def test_no_rule_of_the_services_was_broken(world: World) -> None:
    assert world.emulators.violations() == []
