"""Scrapy's settings: the parts, and each setting with its reason and the default it replaces.

What depends on the environment (config.yml) is set by ``addons.EnvironmentAddon``.
"""

import sys

from lifestats_crawler import machine, standard_streams, stopping

# This is the first of our modules that Scrapy imports, a second before a crawl begins.
standard_streams.open_closed()
standard_streams.open_output()
if "crawl" in sys.argv:
    stopping.signals.listen()
    if shortage := machine.shortage():
        raise SystemExit(f"lifestats: {shortage}")

BOT_NAME = "lifestats"
SPIDER_MODULES = ["lifestats_crawler.spiders"]
COMMANDS_MODULE = "lifestats_crawler.commands"

# The parts.
ADDONS = {"lifestats_crawler.addons.EnvironmentAddon": 0}
ITEM_PIPELINES = {"lifestats_crawler.pipelines.CountingPipeline": 100}
EXTENSIONS = {
    "lifestats_crawler.extensions.log_relay.LogRelay": -2,
    "lifestats_crawler.extensions.closing.Closing": -1,  # before what may close the spider
    "lifestats_crawler.extensions.errors.Errors": 0,
    "lifestats_crawler.extensions.mock_api.MockApi": 0,
    "lifestats_crawler.extensions.growth.Growth": 0,
    "lifestats_crawler.extensions.finish_first.FinishFirst": 0,
    "lifestats_crawler.extensions.progress.ProgressReport": 0,
    "lifestats_crawler.extensions.metrics.Metrics": 0,
    "lifestats_crawler.extensions.notify.Notify": 0,
    # Both listen to a signal for every page, for figures that the run's own stats and report have.
    "scrapy.extensions.corestats.CoreStats": None,
    "scrapy.extensions.logstats.LogStats": None,
}
DOWNLOAD_HANDLERS = {
    "http": "lifestats_crawler.handlers.PacedDownloadHandler",
    "https": "lifestats_crawler.handlers.PacedDownloadHandler",
}

# What each of the settings for speed gains is measured: docs/benchmarks.md, Tuning.

# The loop is asyncio's alone: the download handler is aiohttp's.
TWISTED_REACTOR_ENABLED = False  # default True
ASYNCIO_EVENT_LOOP = "uvloop.Loop"  # default asyncio's own

# A chain's first answer is held by Scrapy for as long as the chain is walked, and counts as work to do.
SCRAPER_SLOT_MAX_ACTIVE_SIZE = 2**40  # default 5 MB: new chains would wait for old ones to end

# One tally a page: more would start that many tasks for each response.
CONCURRENT_ITEMS = 1  # default 100

# The pace is kept by the pacer in the download handler. AutoThrottle stays on above it, for what
# it is good at: slowing down with a slow server.
AUTOTHROTTLE_ENABLED = True  # default False; off where there is no rate_limit
AUTOTHROTTLE_START_DELAY = 0  # default 5 s: that much silence at the start
AUTOTHROTTLE_MAX_DELAY = 1  # default 60 s
DOWNLOAD_DELAY_JITTER = 0  # default 0.5: the delay would be half of what AutoThrottle wants, or 1.5 times

# A page that takes longer than this has failed.
DOWNLOAD_TIMEOUT = 60  # default 180 s
DOWNLOAD_MAXSIZE = 16 * 1024 * 1024  # default 1 GiB; a page of 100 records has some 10 KiB

# A chain never asks for the same page twice by mistake, and asks again on purpose.
DUPEFILTER_CLASS = "scrapy.dupefilters.BaseDupeFilter"

# Every answer reaches the spider, which decides whether it is believed and when it is asked again:
# Scrapy retries at once, without backoff, and then the chain would end in silence.
DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,  # aiohttp does it
    "scrapy.downloadermiddlewares.cookies.CookiesMiddleware": None,
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    "scrapy.downloadermiddlewares.stats.DownloaderStats": None,  # the crawl counts requests and retries
    # The handler sends the same headers each time, and has the timeout.
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": None,
    "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware": None,
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": None,
}
SPIDER_MIDDLEWARES = {
    "scrapy.spidermiddlewares.start.StartSpiderMiddleware": None,
    "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None,
    "scrapy.spidermiddlewares.referer.RefererMiddleware": None,
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware": None,
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
}

# Our client asks the proxy of the usual variables, and gives the proxy's login to the proxy only.
HTTPPROXY_ENABLED = False  # default True: it puts that login into a header of each request

# What a server is told.
USER_AGENT = "lifestats"  # default "Scrapy/VERSION (+https://scrapy.org)"
DEFAULT_REQUEST_HEADERS = {"Accept": "application/json"}
ROBOTSTXT_OBEY = False  # an API asked with its owner's limit is not a site that is crawled

# Both open a port by default.
REMOTE_CONTROL_ENABLED = False  # default True
TELNETCONSOLE_ENABLED = False  # default True

STATS_DUMP = False  # default True; the report has the figures
LOG_FORMATTER = "lifestats_crawler.logformatter.PageLogFormatter"
LOG_VERSIONS: list[str] = []  # default: ten lines of them
LOG_LEVEL = "INFO"  # default DEBUG: a line a page, 740,000 of them
