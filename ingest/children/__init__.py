"""Items -> answers, computed in child processes that may die of an item without harm to the others."""

from ingest.children.answers import Answer, Died, Done, Failed
from ingest.children.pool import Children
from ingest.children.settings import ChildrenSettings

__all__ = ["Answer", "Children", "ChildrenSettings", "Died", "Done", "Failed"]
