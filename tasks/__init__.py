"""One retryable step each: the Prefect tasks which flows are made of."""
