"""The ledger: what cosell-sync remembers between two runs, on SQLite or PostgreSQL, safe under many processes.

Start reading at `ledger.py`; each part has a file of its own.
"""

from cosell.store.activations import Activation
from cosell.store.adoptions import Ended, KeptDifference, SeenDifference, SeenPair
from cosell.store.backfills import BackfillItem, BackfillPlan, ItemCount, ItemState, PlanState
from cosell.store.cipher import Cipher
from cosell.store.conflicts import Conflict, ConflictState, FiledConflict
from cosell.store.dead_letters import DeadLetter, DeadLetterState, FiledDeadLetter
from cosell.store.hints import Added, Door, Hint, HintKind, InboxEntry
from cosell.store.journal import JournalEntry
from cosell.store.leases import Lease, Leases
from cosell.store.ledger import Ledger, SyncRecord, open_ledger
from cosell.store.marks import DeltaLink
from cosell.store.migrate import migrate
from cosell.store.sign_ins import LostSignIn
from cosell.store.solution_rows import KnownRow, PolledRows

__all__ = [
    "Activation",
    "Added",
    "BackfillItem",
    "BackfillPlan",
    "Cipher",
    "Conflict",
    "ConflictState",
    "DeadLetter",
    "DeadLetterState",
    "DeltaLink",
    "Door",
    "Ended",
    "FiledConflict",
    "FiledDeadLetter",
    "Hint",
    "HintKind",
    "InboxEntry",
    "ItemCount",
    "ItemState",
    "JournalEntry",
    "KeptDifference",
    "KnownRow",
    "Lease",
    "Leases",
    "Ledger",
    "LostSignIn",
    "PlanState",
    "PolledRows",
    "SeenDifference",
    "SeenPair",
    "SyncRecord",
    "migrate",
    "open_ledger",
]
