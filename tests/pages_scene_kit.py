"""What tests of the extract stage share: a page as a server gives it."""

import asyncio

from fetch_server import answer
from pages_kit import page

HTML = {"content_type": "text/html; charset=utf-8"}


def html(title="Title", text="The text.", **links):
    return answer(page(title, text, **links), **HTML)


def run(scenario):
    return asyncio.run(scenario())
