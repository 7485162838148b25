"""Name resolution that never leads to a private address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from scrapy.crawler import Crawler
from scrapy.resolver import CachingHostnameResolver
from twisted.internet.interfaces import IAddress, IHostnameResolver, IHostResolution, IResolutionReceiver
from zope.interface.declarations import implementer, provider

from crawler.urls import AddressPolicy


@provider(IResolutionReceiver)
class _PublicOnly:
    """Pass on the addresses that the policy allows to connect to."""

    def __init__(self, receiver: IResolutionReceiver, policy: AddressPolicy, host: str, port: int) -> None:
        self._receiver = receiver
        self._policy = policy
        self._host = host
        self._port = port

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        self._receiver.resolutionBegan(resolution)

    def addressResolved(self, address: IAddress) -> None:
        if self._policy.may_connect(address.host, self._port):
            self._receiver.addressResolved(address)
        else:
            GuardedResolver.refused.add(self._host)

    def resolutionComplete(self) -> None:
        self._receiver.resolutionComplete()


@implementer(IHostnameResolver)
class GuardedResolver(CachingHostnameResolver):
    """Scrapy's caching resolver, whose answers pass the crawl's address policy.

    The check is on the very address that the connection is then opened to, so an answer that changes between
    check and use (DNS rebinding) gains nothing.
    """

    # Hosts with an answer that was refused; the downloader middleware gives the error its name.
    refused: ClassVar[set[str]] = set()

    def __init__(self, reactor: Any, cache_size: int, policy: AddressPolicy) -> None:
        super().__init__(reactor, cache_size)
        self._policy = policy

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: Any) -> GuardedResolver:
        size = crawler.settings.getint("DNSCACHE_SIZE") if crawler.settings.getbool("DNSCACHE_ENABLED") else 0
        return cls(reactor, size, AddressPolicy(crawler.settings["CRAWL_BASE_URL"]))

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        guarded = _PublicOnly(resolutionReceiver, self._policy, hostName, portNumber)
        return super().resolveHostName(guarded, hostName, portNumber, addressTypes, transportSemantics)
