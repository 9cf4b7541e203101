"""Where the real Partner Center's behaviour is unknown or may vary, a knob; `POST /_emulator/options` turns them."""

from dataclasses import dataclass, fields

CHOICES = {
    "next_link": ("documented", "correct"),
    "related_event_id": ("related", "own"),
    "signature_form": ("word", "bare"),
    "microsoft_answer": ("none", "accept", "decline"),
}


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """The knobs, each at what we hold the most likely.

    - `mfa_required`: delegated calls whose token lacks the second factor are refused.
    - `page_size`: referrals on a page of a listing.
    - `next_link`: `documented` is broken as the documentation shows it (http, `/engagements` missing).
    - `related_copies_in_lists`: whether a listing shows Microsoft's copies too, not only when asked by engagement.
    - `related_event_id`: whose id a `related-referral-…` notification names.
    - `signature_form`: whether `x-ms-signature` starts with the word `Signature`.
    - `retry_first_seconds`, `retry_most_seconds`, `attempt_count`, `callback_timeout_seconds`: undelivered callbacks.
    - `microsoft_answer`, `microsoft_answer_after_seconds`: what Microsoft's seller does with every invitation of ours.
    - `limit_requests`, `limit_seconds`: how many calls the gateway lets through per span; 0 is no limit.
    """

    mfa_required: bool = True
    page_size: int = 100
    next_link: str = "documented"
    related_copies_in_lists: bool = False
    related_event_id: str = "related"
    signature_form: str = "word"
    retry_first_seconds: float = 1.0
    retry_most_seconds: float = 30.0
    attempt_count: int = 10
    callback_timeout_seconds: float = 5.0
    microsoft_answer: str = "none"
    microsoft_answer_after_seconds: float = 0.0
    limit_requests: int = 0
    limit_seconds: float = 60.0

    def reset(self) -> None:
        """Turn every knob back."""
        for each in fields(self):
            setattr(self, each.name, each.default)
