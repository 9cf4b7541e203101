"""Fills the CRM's catalogue of Microsoft solutions from a workbook or a CSV file, so that sellers need not type.

In order: `files` opens the file, `headings` finds its columns, `check` looks at every row, `plan` holds them against
the catalogue, `upload` writes what differs, `result_file` says what became of each row. `importing` is all of it.
"""
