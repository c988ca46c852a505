"""What came of a round -> artifacts of its flow run: tables, a chart of what waits, links to the desk page."""

import base64
from collections.abc import Mapping, Sequence
from html import escape

from prefect.artifacts import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)

from flows.standing import Left

ROW, BAR, NAME, WIDTH = 26, 420, 110, 640
INK, LINE, FILL = "#1c1b19", "#e3dfd6", "#b3541e"


def table(key: str, rows: Sequence[Mapping[str, object]], said: str) -> None:
    """A table under `key`; `said` stands above it."""
    create_table_artifact(key=key, table=[dict(row) for row in rows], description=said)


def page(key: str, markdown: str, said: str) -> None:
    """A page of text under `key`."""
    create_markdown_artifact(key=key, markdown=markdown, description=said)


def link(key: str, url: str, text: str) -> None:
    """A link to the desk page."""
    create_link_artifact(key=key, link=url, link_text=text)


def lag(left: Left) -> None:
    """A chart of what waits before each stage, as the artifact "lag"."""
    waiting = waits(left)
    said = ", ".join(f"{stage} {count}" for stage, count in waiting.items() if count) or "nothing waits"
    data = base64.b64encode(chart(waiting).encode()).decode()
    create_image_artifact(key="lag", image_url=f"data:image/svg+xml;base64,{data}", description=f"Waiting: {said}.")


def waits(left: Left) -> dict[str, int]:
    """How much waits before each stage, in the order of the route."""
    pages = left.pages
    return {
        **{stage: count for stage, count in left.records.items() if stage == "extract"},
        "pages due": pages.leased + pages.due_now + pages.due_within_30s,
        "pages later": pages.later,
        **{stage: count for stage, count in left.records.items() if stage != "extract"},
        "deliver": left.deliveries_soon + left.deliveries_later,
    }


def chart(waiting: Mapping[str, int]) -> str:
    """Bars as SVG, the longest as long as there is room."""
    most = max(1, *waiting.values())
    height = ROW * len(waiting) + 12
    rows = "".join(_bar(number, stage, count, most) for number, (stage, count) in enumerate(waiting.items()))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="#fff"/>'
        f'<line x1="{NAME}" y1="4" x2="{NAME}" y2="{height - 4}" stroke="{LINE}"/>{rows}</svg>'
    )


def _bar(number: int, stage: str, count: int, most: int) -> str:
    top, width = 6 + ROW * number, round(BAR * count / most)
    return (
        f'<text x="{NAME - 8}" y="{top + 16}" text-anchor="end" fill="{INK}">{escape(stage)}</text>'
        f'<rect x="{NAME}" y="{top + 3}" width="{width}" height="{ROW - 8}" fill="{FILL}"/>'
        f'<text x="{NAME + width + 8}" y="{top + 16}" fill="{INK}">{count:,}</text>'
    )
