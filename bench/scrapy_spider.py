"""The demo site Hanbit with scrapy: the same feeds, pages, fields and database as our crawl of it.

Run with `scrapy runspider` in an environment of its own; reads BENCH_SITE (the site's URL), BENCH_MYSQL (JSON) and
BENCH_AT_ONCE (requests at once). Prints as JSON the seconds, and those of CPU, from the first request to the last
commit.
"""

import hashlib
import json
import os
import time

import pymysql
import scrapy

SITE = os.environ["BENCH_SITE"]
AT_ONCE = int(os.environ["BENCH_AT_ONCE"])
SECTIONS = ("economy", "society", "culture", "science", "sports")
FIELDS = ("title", "body", "authors", "published", "modified", "section", "keywords", "image")
TOGETHER = 50


class MySqlPipeline:
    """Upserts articles by their URL, a batch in a transaction."""

    def open_spider(self, spider):
        """Make the table and start the clocks."""
        self.rows = []
        self.connection = pymysql.connect(**json.loads(os.environ["BENCH_MYSQL"]), charset="utf8mb4")
        columns = ", ".join(f"{name} MEDIUMTEXT" for name in FIELDS)
        with self.connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS scrapy_articles")
            cursor.execute(f"CREATE TABLE scrapy_articles (url_hash BINARY(32) PRIMARY KEY, url TEXT, {columns})")
        self.began, self.cpu = time.perf_counter(), time.process_time()

    def process_item(self, item, spider):
        """Keep the article until there are enough."""
        self.rows.append([hashlib.sha256(item["url"].encode()).digest(), item["url"], *(item[n] for n in FIELDS)])
        if len(self.rows) >= TOGETHER:
            self.store()
        return item

    def close_spider(self, spider):
        """Store the rest and stop the clocks."""
        self.store()
        taken = {"seconds": time.perf_counter() - self.began, "cpu": time.process_time() - self.cpu}
        self.connection.close()
        print(json.dumps(taken))

    def store(self):
        """One batched upsert."""
        if not self.rows:
            return
        places = ", ".join(["%s"] * (2 + len(FIELDS)))
        update = ", ".join(f"{name} = new.{name}" for name in FIELDS)
        names = ", ".join(("url_hash", "url", *FIELDS))
        with self.connection.cursor() as cursor:
            statement = (
                f"INSERT INTO scrapy_articles ({names}) VALUES ({places}) AS new ON DUPLICATE KEY UPDATE {update}"
            )
            cursor.executemany(statement, self.rows)
        self.connection.commit()
        self.rows = []


class Hanbit(scrapy.Spider):
    """Feeds, then every article."""

    name = "hanbit"
    start_urls = [f"{SITE}/rss/{section}.xml" for section in SECTIONS]  # noqa: RUF012
    custom_settings = {  # noqa: RUF012
        "ROBOTSTXT_OBEY": True,
        "CONCURRENT_REQUESTS": AT_ONCE,
        "CONCURRENT_REQUESTS_PER_DOMAIN": AT_ONCE,
        "DOWNLOAD_DELAY": 0,
        "TELNETCONSOLE_ENABLED": False,
        "ITEM_PIPELINES": {MySqlPipeline: 1},
    }

    def parse(self, response):
        """The articles of a feed."""
        for link in response.xpath("//item/link/text()").getall():
            yield response.follow(link, self.parse_article)

    def parse_article(self, response):
        """The fields that our profile names, from where it names them."""
        data = json.loads(response.css('script[type="application/ld+json"]::text').get())
        paragraphs = response.css("section.article-body > p")
        yield {
            "url": response.url,
            "title": data["headline"],
            "body": "\n\n".join(" ".join(one.xpath("string()").get().split()) for one in paragraphs),
            "authors": json.dumps([one["name"] for one in data["author"]], ensure_ascii=False),
            "published": data["datePublished"],
            "modified": data["dateModified"],
            "section": data["articleSection"],
            "keywords": json.dumps(data["keywords"], ensure_ascii=False),
            "image": data["image"]["url"],
        }
