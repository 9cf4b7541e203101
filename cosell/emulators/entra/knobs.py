"""Where Entra's behaviour may vary with a tenant's policies, a knob; `POST /_emulator/options` turns them."""

from dataclasses import dataclass, fields

CHOICES: dict[str, tuple[str, ...]] = {"refresh_tokens": ("lasting", "single_use")}


@dataclass(slots=True, kw_only=True)
class EntraKnobs:
    """The knobs, each at what is documented.

    - `refresh_tokens`: `lasting` ones stay good after use (Microsoft: Refresh tokens in the Microsoft identity
      platform); a `single_use` one that comes a second time is taken for stolen, and ends all of that person's.
    """

    refresh_tokens: str = "lasting"

    def reset(self) -> None:
        """Turn every knob back."""
        for each in fields(self):
            setattr(self, each.name, each.default)
