"""How we talk to a service over HTTP: tokens, pace, retries, and answers turned into our own errors."""
