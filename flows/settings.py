"""The folder's settings file and the environment -> everything that an operator may set, read once at start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from enrich.stories.grouping import StorySettings
from flows.configuration import read
from flows.health_settings import HealthSettings
from flows.home import Home
from flows.logs import LogSettings
from flows.stream.settings import StreamSettings
from flows.troubles import OperateSettings
from ingest.archive import ArchiveSettings
from ingest.children import ChildrenSettings
from ingest.feeds.settings import FeedSettings
from ingest.fetch import FetchSettings
from ingest.ledger.settings import LedgerSettings
from ingest.pages import PageSettings
from ingest.retention import RetentionSettings
from search.alerts.stage import AlertSettings
from search.deliver.settings import ChannelSettings, DeliverySettings
from search.desk.context import DeskSettings
from search.index.settings import IndexSettings
from search.kibana.settings import KibanaSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One section for each part; every default works alone."""

    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    stream: StreamSettings = field(default_factory=StreamSettings)
    index: IndexSettings = field(default_factory=IndexSettings)
    kibana: KibanaSettings = field(default_factory=KibanaSettings)
    fetch: FetchSettings = field(default_factory=FetchSettings)
    feeds: FeedSettings = field(default_factory=FeedSettings)
    pages: PageSettings = field(default_factory=PageSettings)
    children: ChildrenSettings = field(default_factory=ChildrenSettings)
    archive: ArchiveSettings = field(default_factory=ArchiveSettings)
    stories: StorySettings = field(default_factory=StorySettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    deliver: DeliverySettings = field(default_factory=DeliverySettings)
    channels: tuple[ChannelSettings, ...] = ()
    desk: DeskSettings = field(default_factory=DeskSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    health: HealthSettings = field(default_factory=HealthSettings)
    logs: LogSettings = field(default_factory=LogSettings)
    operate: OperateSettings = field(default_factory=OperateSettings)


def read_settings(home: Home, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a folder.

    Raises: SettingsError naming the setting and what to write.
    """
    return read(Settings, home.settings, environment)
