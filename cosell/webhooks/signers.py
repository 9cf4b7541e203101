"""Turn a certificate's address into a key that is proven to be Microsoft's, and hardly ever fetch anything for it.

The address comes from an unproven request, so fetching is the one thing a forger could make us do. Three things keep
that small: what is known is kept (good ones for hours, bad ones for a minute, each in a cache of its own, so that
forgeries never push out the real key), one address is fetched once however many requests wait for it, and a small
budget limits fetches over time.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from cosell.domain.clock import Clock
from cosell.webhooks.chain import Signer, Trust, find_dangling, find_issuer_urls, parse_certificates, prove_signer
from cosell.webhooks.fetching import LARGEST_CERTIFICATE, CertificateFetcher, CertificateUnavailable
from cosell.webhooks.refusal import Reason, Refused
from cosell.webhooks.signature import Host, is_issuer_url_allowed

logger = logging.getLogger(__name__)

KEEP_GOOD = timedelta(hours=12)
KEEP_BAD = timedelta(seconds=60)
LOOK_AGAIN_AFTER = timedelta(minutes=10)
MOST_GOOD = 16
MOST_BAD = 256
MOST_ISSUER_FETCHES = 2


class FetchBudget:
    """A handful of fetches at once, then one every few seconds."""

    def __init__(self, clock: Clock, *, burst: int = 6, refill_seconds: float = 10.0) -> None:
        """Start with the whole burst."""
        self._clock = clock
        self._burst = burst
        self._refill_seconds = refill_seconds
        self._left = float(burst)
        self._counted_at = clock()

    def take(self) -> bool:
        """Use up one fetch; False when there is none left."""
        now = self._clock()
        gained = max((now - self._counted_at).total_seconds(), 0.0) / self._refill_seconds
        self._left = min(self._left + gained, float(self._burst))
        self._counted_at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Good:
    signer: Signer
    fetched_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bad:
    reason: Reason
    until: datetime


class Signers:
    """The signing keys known so far, by the address of their certificate."""

    def __init__(
        self,
        *,
        fetch: CertificateFetcher,
        hosts: frozenset[Host],
        trust: Trust,
        clock: Clock,
        fetch_seconds: float,
        count_fetch: Callable[[], None],
    ) -> None:
        """Know none yet. `fetch_seconds` limits all fetching for one address together."""
        self._fetch = fetch
        self._hosts = hosts
        self._trust = trust
        self._clock = clock
        self._fetch_seconds = fetch_seconds
        self._budget = FetchBudget(clock)
        self._good: OrderedDict[str, _Good] = OrderedDict()
        self._bad: OrderedDict[str, _Bad] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[Signer]] = {}
        self._count_fetch = count_fetch

    async def get(self, url: str) -> Signer:
        """Return the signer behind an address that is on the allow-list.

        Raises:
            Refused: there is none that is Microsoft's.
        """
        now = self._clock()
        known = self._good.get(url)
        if known is not None and now - known.fetched_at < KEEP_GOOD:
            self._good.move_to_end(url)
            if known.signer.is_valid_at(now):
                return known.signer
        bad = self._bad.get(url)
        if bad is not None and now < bad.until:
            if known is not None and known.signer.is_valid_at(now):
                return known.signer
            raise Refused(bad.reason)
        try:
            return await self._load_once(url)
        except Refused as refused:
            # A key that was proven stays good while its address cannot be reached, until it runs out.
            if known is not None and known.signer.is_valid_at(now) and refused.reason in _PASSING:
                return known.signer
            raise

    async def find_newer(self, url: str, than: Signer) -> Signer | None:
        """Look again behind an address whose key did not fit, in case the file was replaced; None if it was not.

        Not more often than every ten minutes, so that forgeries signed with another key cost nothing.
        """
        now = self._clock()
        known, bad = self._good.get(url), self._bad.get(url)
        if known is None or now - known.fetched_at < LOOK_AGAIN_AFTER or (bad is not None and now < bad.until):
            return None
        try:
            newer = await self._load_once(url)
        except Refused:
            return None
        return newer if newer.key != than.key else None

    async def _load_once(self, url: str) -> Signer:
        task = self._under_way.get(url)
        if task is None:
            task = asyncio.create_task(self._load(url))
            self._under_way[url] = task
            task.add_done_callback(lambda done: self._forget_task(url, done))
        # Shielded: a caller that goes away must not take the others' certificate with it.
        return await asyncio.shield(task)

    def _forget_task(self, url: str, task: asyncio.Task[Signer]) -> None:
        del self._under_way[url]
        if not task.cancelled():
            task.exception()  # looked at, so that nothing complains when every caller has gone away

    async def _load(self, url: str) -> Signer:
        try:
            async with asyncio.timeout(self._fetch_seconds):
                signer = await self._fetch_and_prove(url)
        except TimeoutError:
            self._remember_bad(url, Reason.CERTIFICATE_UNAVAILABLE)
            raise Refused(Reason.CERTIFICATE_UNAVAILABLE) from None
        except Refused as refused:
            if refused.reason is not Reason.TOO_MANY_CERTIFICATES:
                self._remember_bad(url, refused.reason)
            raise
        self._bad.pop(url, None)
        self._good[url] = _Good(signer=signer, fetched_at=self._clock())
        while len(self._good) > MOST_GOOD:
            self._good.popitem(last=False)
        logger.info("signing certificate of Microsoft taken up, valid until %s", signer.valid_until.date())
        return signer

    async def _fetch_and_prove(self, url: str) -> Signer:
        leaf, *known = parse_certificates(await self._get(url))
        try:
            for _ in range(MOST_ISSUER_FETCHES):
                dangling = find_dangling(leaf, known, self._trust)
                issuer_url = self._find_issuer_url(dangling) if dangling else None
                if issuer_url is None:
                    break
                known += parse_certificates(await self._get(issuer_url))
            return prove_signer(leaf, known, self._trust, moment=self._clock())
        except (ValueError, UnsupportedAlgorithm):
            # cryptography reads names, extensions and keys of a certificate only when they are asked for.
            raise Refused(Reason.CERTIFICATE_UNREADABLE) from None

    def _find_issuer_url(self, certificate: x509.Certificate) -> str | None:
        urls = find_issuer_urls(certificate)
        return next((url for url in urls if is_issuer_url_allowed(url, self._hosts)), None)

    async def _get(self, url: str) -> bytes:
        if not self._budget.take():
            raise Refused(Reason.TOO_MANY_CERTIFICATES)
        self._count_fetch()
        try:
            content = await self._fetch(url)
        except (CertificateUnavailable, OSError):
            raise Refused(Reason.CERTIFICATE_UNAVAILABLE) from None
        if len(content) > LARGEST_CERTIFICATE:
            raise Refused(Reason.CERTIFICATE_UNAVAILABLE)
        return content

    def _remember_bad(self, url: str, reason: Reason) -> None:
        self._bad[url] = _Bad(reason=reason, until=self._clock() + KEEP_BAD)
        self._bad.move_to_end(url)
        while len(self._bad) > MOST_BAD:
            self._bad.popitem(last=False)


# What says nothing about the certificate itself.
_PASSING = frozenset({Reason.CERTIFICATE_UNAVAILABLE, Reason.TOO_MANY_CERTIFICATES})
