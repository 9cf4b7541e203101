"""The installation of our part of the CRM, and the check of it, against the emulated CRM."""
