"""The extract stage: what is due in the fetch queue -> visited politely, read in children, published as articles."""

from ingest.pages.checks import plan_checks
from ingest.pages.run import Progress, run_pages
from ingest.pages.tools import ENTRY_JOB, JOBS, PAGE_JOB, Extraction, PageSettings, Tools

__all__ = [
    "ENTRY_JOB",
    "JOBS",
    "PAGE_JOB",
    "Extraction",
    "PageSettings",
    "Progress",
    "Tools",
    "plan_checks",
    "run_pages",
]
