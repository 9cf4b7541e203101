"""docs/variables.md, from the variables which people edit."""

from cosell.mapping.variables import KNOWN
from tools.docs.markdown import NOTICE, to_code, to_table

_INTRODUCTION = """\
# Variables

What a partner changes without a redeploy. They are edited in one of two places; `COSELL_VARIABLES_FROM` says which:

- `prefect`, the default: variables in the Prefect UI (Variables), made by `cosell deploy`. The next run obeys. Prefect
  checks no types, so a value that is not allowed is found when it is read: the run fails and names it.
- `dataverse`: environment variables of the CRM, made by `cosell crm install`. Change the *current* value, never the
  default. One request reads all of them, at most once a minute; the run after that obeys. While the CRM does not
  answer, what it said last counts. Where nobody gave ours a current value, that of Microsoft's connector counts, then
  our default, then its default.

`cosell status` shows what each one says and where that stands, and so does the table *variables* among the artifacts
in the Prefect UI; `cosell doctor` names those which are not allowed. Yes/no takes Yes or No, a column its logical name.
"""
_HEAD = ("Variable in Prefect", "In the CRM", "Microsoft's", "Default", "Takes", "Effect")


def render_page() -> str:
    """Return docs/variables.md."""
    rows = [
        (
            to_code(known.name),
            to_code(known.crm),
            to_code(known.microsoft) if known.microsoft else "",
            to_code(known.default),
            known.words,
            known.effect,
        )
        for known in KNOWN
    ]
    return NOTICE.format(source="cosell/mapping/variables.py") + _INTRODUCTION + "\n" + to_table(_HEAD, rows)
