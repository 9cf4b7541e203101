"""The first load: everything that was there before the first day is brought across, in pages and batches.

`planning` walks both sides without writing and keeps in the ledger what would be done to each record; a person confirms
that plan. `applying` carries it out: `making` creates the CRM's records of a page in one batch, `finishing` tells
Partner Center, and shares what the CRM has. Each record ends on the road which every sync takes, so that both roads
come to the same.
"""
