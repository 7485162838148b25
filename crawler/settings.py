"""Scrapy settings for every site; ``crawler.__main__`` adds the limits and delays of params.yaml."""

from __future__ import annotations

BOT_NAME = "kopri-crawler"
SPIDER_MODULES = ["crawler.spiders"]
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = "kopri-crawler"

# One request at a time; the delay has no jitter, so that it is a lower bound.
CONCURRENT_REQUESTS = 1
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY_JITTER = 0.0
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_TARGET_CONCURRENCY = 1.0

SCHEDULER = "crawler.scheduler.FrontierScheduler"
DUPEFILTER_CLASS = "scrapy.dupefilters.BaseDupeFilter"
TWISTED_DNS_RESOLVER = "crawler.middlewares.GuardedResolver"
DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "crawler.middlewares.AddressGuard": 60,
    "crawler.middlewares.StrictRobots": 100,
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
    "crawler.middlewares.RetryWithBackoff": 595,  # nearer to the network than decompression (590)
    "crawler.middlewares.Conditional": 650,
}
ITEM_PIPELINES = {"crawler.extensions.StorePipeline": 100}
EXTENSIONS = {
    "scrapy.extensions.telnet.TelnetConsole": None,
    "scrapy.extensions.remote_control.RemoteControl": None,
    "scrapy.extensions.logstats.LogStats": None,
    "scrapy.extensions.memusage.MemoryUsage": None,
    "scrapy.extensions.throttle.AutoThrottle": None,
    "crawler.extensions.PoliteThrottle": 0,
    "crawler.extensions.Progress": 0,
}
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False

# Nothing but http and https, straight to the site: a proxy would resolve names out of the guard's sight.
DOWNLOAD_HANDLERS = {"data": None, "file": None, "ftp": None, "s3": None}
HTTPPROXY_ENABLED = False
COOKIES_ENABLED = False
METAREFRESH_ENABLED = False
REDIRECT_MAX_TIMES = 6
DOWNLOAD_VERIFY_CERTIFICATES = True
DEFAULT_REQUEST_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "tk,ru;q=0.9,*;q=0.5",
    # The one encoding whose end can be told.
    "Accept-Encoding": "gzip",
}
RETRY_PRIORITY_ADJUST = -5
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"
HTTPCACHE_POLICY = "scrapy.extensions.httpcache.RFC2616Policy"
HTTPCACHE_GZIP = True

LOG_LEVEL = "WARNING"
LOG_INSTALL_ROOT_HANDLER = False
STATS_DUMP = False
LOGSTATS_INTERVAL = 60
