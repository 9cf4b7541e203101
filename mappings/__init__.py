"""Which field is which: tables of data, read and checked by `cosell.mapping`."""
