"""Both services as plain tables: what is written stands there as the service spells it, and is read again.

They keep what the real ones keep: Partner Center a referral of camelCase JSON, the CRM columns of limited length.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from cosell.domain.ids import Side
from cosell.domain.snapshot import Value
from cosell.domain.stages import OpportunityStage, ReferralStage
from cosell.mapping.fields import read_opportunity, read_referral, to_columns, to_json_patch
from cosell.mapping.loader import load_mappings
from cosell.mapping.values import text_length
from cosell.mapping.variables import Variables
from cosell.sync.audit import mark_name
from cosell.sync.plan import Plan
from cosell.sync.planner import Seen, plan_sync
from cosell.sync.stages import StagePair
from tests.codes import CODES, DOLLAR_ID, EURO_ID

MAPPING = Variables().fill_in(load_mappings()).opportunity
CURRENCY_IDS = {"EUR": EURO_ID, "USD": DOLLAR_ID}
COLUMN_LENGTHS = {"name": 300, "description": 2000, "cosell_referrallink": 500, "cosell_microsoftcrmid": 100}
IN_PROGRESS = StagePair(referral=ReferralStage.ACTIVE, opportunity=OpportunityStage.OPEN)


@dataclass
class World:
    """A pair on both sides and what the ledger holds about it."""

    referral: dict[str, object]
    opportunity: dict[str, object]
    base: Mapping[str, Value] = field(default_factory=dict)
    told: frozenset[str] = frozenset()
    stages: StagePair = IN_PROGRESS

    def look(self) -> Seen:
        """Read both sides."""
        theirs = read_referral(self.referral, MAPPING, codes=CODES, link_template="https://p.example/{id}")
        ours = read_opportunity(self.opportunity, MAPPING, codes=CODES)
        return Seen(referral=theirs.snapshot, opportunity=ours.snapshot, whole=theirs.whole, stages=self.stages)

    def plan(self) -> Plan:
        """Plan what would be written."""
        return plan_sync(self.look(), base=self.base, told=self.told, rows=MAPPING.fields)

    def sync(self) -> Plan:
        """Plan, write on both sides, record; as `cosell.sync.apply` does."""
        plan = self.plan()
        for operation in to_json_patch(plan.changes_on(Side.PARTNER_CENTER), MAPPING, self.referral):
            put(self.referral, str(operation["path"]), operation["value"])
        for column, value in to_columns(plan.changes_on(Side.DATAVERSE), MAPPING, codes=CODES).items():
            self._write_column(column, value)
        name = self.look().opportunity["name"]
        if isinstance(name, str):
            self._write_column("name", mark_name(name, has_problem=plan.has_problem, show_check_mark=True))
        self.base, self.told, self.stages = plan.base, plan.told, plan.stages
        return plan

    def _write_column(self, column: str, value: object) -> None:
        if column == "transactioncurrencyid@odata.bind":
            self.opportunity["_transactioncurrencyid_value"] = str(value).partition("(")[2].rstrip(")")
            return
        if isinstance(value, str) and column in COLUMN_LENGTHS:
            assert text_length(value) <= COLUMN_LENGTHS[column], "the CRM refuses what is too long"
        self.opportunity[column] = value


def put(document: dict[str, object], pointer: str, value: object) -> None:
    """Write a value where a pointer leads to."""
    *parents, key = pointer.removeprefix("/").split("/")
    here = document
    for parent in parents:
        here = cast("dict[str, object]", here.setdefault(parent, {}))
    here[key] = value
