"""Leads: an unaccepted one is a lead in the CRM too; accepted, it is qualified and goes on as an opportunity."""
