"""The receiver: the one door which the outside world can knock at. It proves, parses and stores a hint; no more."""
