"""Makes in a CRM what the sync needs, part by part, as often as one likes: what is there is left alone."""

from cosell.dataverse.install.customizer import Customizer
from cosell.dataverse.install.installation import WakeUp, install
from cosell.dataverse.install.step import PLANNED, UNFINISHED, WRITTEN, Outcome, Part, Result

__all__ = [
    "PLANNED",
    "UNFINISHED",
    "WRITTEN",
    "Customizer",
    "Outcome",
    "Part",
    "Result",
    "WakeUp",
    "install",
]
