"""What `cosell doctor` looks at: each check is a function of its own, finds one thing out, and stops no other."""
