"""An enriched article -> StoryKeys: the language-free evidence that the stories stage counts."""

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from enrich.article import Mention, StoryKeys, Topic

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
MOST_ENTITIES, MOST_WORDS = 40, 60
WORD_START = 6  # letters: endings differ, the start says what it is about
SHINGLE_WORDS = 3
SAMPLE = 8  # shingles whose hash is 0 modulo 8 are kept: about 65 a text
LEAD_CHARACTERS = 400
SECONDS_A_DAY = 86_400


def story_keys(
    *,
    title: str,
    text: str,
    published: datetime | None,
    seen: datetime,
    entities: Sequence[Mention],
    topics: Sequence[Topic],
    concepts: Mapping[str, int],
) -> StoryKeys:
    """The keys of one article, a pure function of it.

    The day is that of publication, or of arrival where there is none or it lies more than a day ahead.
    Source of the choice of evidence: STORIES.md, sections 3 and 4 (sampled shingles; six features).
    """
    words = tokens(f"{title}\n{text}")
    shingles = {_hash(" ".join(words[at : at + SHINGLE_WORDS])) for at in range(max(1, len(words) - SHINGLE_WORDS + 1))}
    return StoryKeys(
        day=_day(published, seen),
        entities=_most(_entity_weights(entities), MOST_ENTITIES),
        title_entities=tuple(sorted({mention.id for mention in entities if mention.field == "title"})),
        concepts=dict(sorted(concepts.items())),
        words=_most(Counter(word[:WORD_START] for word in words if len(word) >= 4 and not word.isdigit()), MOST_WORDS),
        shingles=tuple(sorted(value for value in shingles if value % SAMPLE == 0))
        if len(words) >= SHINGLE_WORDS
        else (),
        shingle_count=len(shingles),
        events=tuple(sorted({event_of(topic) for topic in topics})),
    )


def tokens(text: str) -> list[str]:
    """Folded words; in scripts without spaces, single characters.

    >>> tokens("Three walked free, 三人获释")
    ['three', 'walked', 'free', '三', '人', '获', '释']
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    found: list[str] = []
    for word in WORD.findall(folded):
        found.extend(word if UNSPACED.search(word) else [word])
    return found


def event_of(topic: Topic) -> str:
    """A topic in the short form that stories remember: "prisoners.released done 3"."""
    return " ".join([topic.topic, topic.modality, *([str(topic.number)] if topic.number is not None else [])])


def _entity_weights(entities: Iterable[Mention]) -> Counter[str]:
    weights: Counter[str] = Counter()
    for mention in entities:
        if not mention.weak:
            weights[mention.id] += 4 if mention.field == "title" else 3 if mention.start < LEAD_CHARACTERS else 2
    return weights


def _most(counts: Mapping[str, int], limit: int) -> dict[str, int]:
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
    return dict(sorted(ranked))


def _day(published: datetime | None, seen: datetime) -> int:
    arrival = int(seen.timestamp() // SECONDS_A_DAY)
    if published is None:
        return arrival
    day = int(published.timestamp() // SECONDS_A_DAY)
    return day if day <= arrival + 1 else arrival


def _hash(shingle: str) -> int:
    return zlib.crc32(shingle.encode("utf-8", "surrogatepass"))
