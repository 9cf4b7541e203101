"""Stand-in of Partner Center: the referrals API, the webhook registration API, and what Microsoft's sellers do."""
