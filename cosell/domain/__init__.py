"""The words of the trade as frozen values: ids, snapshots, links, states. No I/O, no clock of its own."""
