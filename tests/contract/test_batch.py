"""Batches against the stand-in: all or nothing inside a change set, one result for each operation."""

from cosell.dataverse import BatchOperation, ChangeSet, DataverseClient


async def test_batch_does_all_or_nothing_in_a_change_set(dataverse: DataverseClient) -> None:
    account = BatchOperation(method="POST", path="accounts", body={"name": "Kestrel Bakeries"})
    contact = BatchOperation(
        method="POST",
        path="contacts",
        body={"lastname": "Brook", "parentcustomerid_account@odata.bind": "$1"},
    )
    wrong = BatchOperation(method="POST", path="accounts", body={"nothing_like_it": 1})
    read = BatchOperation(method="GET", path="accounts?$select=name")
    results = await dataverse.batch([ChangeSet((account, contact)), ChangeSet((account, wrong)), read])
    assert [result.error is None for result in results] == [True, True, False, False, True]
    listed = results[-1].answer.find_object()
    assert listed is not None
    assert len(listed["value"]) == 1  # type: ignore[arg-type]
