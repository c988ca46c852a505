"""One article at a time, nothing looks ahead -> the story it stands in, and why."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from enrich.article import StoryKeys
from enrich.stories.copies import Copies
from enrich.stories.score import Evidence, Rarity, explain, score
from ingest.identity import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class StorySettings:
    """How alike two articles must be. A tighter story is one alarm more, a wider one may swallow a follow-up."""

    join: float = 0.0  # mean score over a story's members from which an article joins it
    merge: float = 0.75  # mean score between the members of two stories from which they are one
    relate: float = -1.5  # from here to `join`: the same affair, shown and never merged
    days_since_last: int = 4  # a story takes nothing after so many days of silence
    days_since_first: int = 10
    keep_days: int = 14  # of arrival: copies are looked for this far back
    keep_articles: int = 50_000  # at most so many are compared with; older ones go first


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Where an article stands. A fact once it is in the ledger."""

    article: str
    story: str
    copy_of: str = ""
    score: float | None = None  # None for the first article of a story
    joined: tuple[str, ...] = ()
    related: tuple[tuple[str, float], ...] = ()
    merged: tuple[tuple[str, float], ...] = ()  # stories that are now aliases of `story`


@dataclass(slots=True)
class _Story:
    id: str
    first_day: int
    last_day: int
    order: int  # of its first article: the older id wins a merge
    members: list[str] = field(default_factory=list)


CANDIDATES, STORIES_TRIED, POSTINGS = 40, 12, 120
RAREST = {"entities": 14, "concepts": 6, "words": 10}
COMPARED = 16  # members of a story: the first four and the last twelve


class Grouping:
    """The articles of the last days and their stories, in memory. Not safe to share between threads.

    Source of the method: STORIES.md sections 2, 5 and 8 (copies first; mean over a story's members; late merge).
    """

    def __init__(self, settings: StorySettings) -> None:
        self._settings = settings
        self._rarity, self._copies = Rarity(), Copies()
        self._evidence: dict[str, Evidence] = {}
        self._story_of: dict[str, str] = {}
        self._copy_of: dict[str, str] = {}
        self._stories: dict[str, _Story] = {}
        self._holders: dict[tuple[str, str], deque[str]] = {}
        self._arrivals: deque[tuple[int, str]] = deque()
        self._begun = 0  # stories so far
        self.dropped = 0  # postings that the caps dropped

    def assign(self, article: str, keys: StoryKeys, language: str, arrival_day: int) -> Assignment:
        """The story of a new article; remembers both."""
        self._forget_before(arrival_day - self._settings.keep_days)
        self._rarity.add(keys, language)
        evidence = self._rarity.evidence(keys, language)
        copied = self._copies.find(keys.shingles)
        assignment = self._of_copy(article, copied) if copied else self._of_event(article, evidence)
        self._remember(assignment, evidence, keys, arrival_day)
        return assignment if copied else self._merge(assignment, evidence)

    def recall(self, assignment: Assignment, keys: StoryKeys, language: str, arrival_day: int) -> None:
        """Remembers what the ledger says of an article, without deciding anything anew."""
        self._rarity.add(keys, language)
        self._remember(assignment, self._rarity.evidence(keys, language), keys, arrival_day)

    def events(self, story: str) -> list[tuple[str, ...]]:
        """What each remembered member of a story tells, in order of arrival."""
        found = self._stories.get(story)
        return [self._evidence[name].events for name in found.members] if found else []

    def _of_copy(self, article: str, copied: str) -> Assignment:
        original = self._copy_of.get(copied, copied)
        return Assignment(
            article=article, story=self._story_of[copied], copy_of=original, joined=(f"same text as {original}",)
        )

    def _of_event(self, article: str, evidence: Evidence) -> Assignment:
        settings = self._settings
        ranked = sorted(((self._mean(evidence, story), story.id) for story in self._near(evidence)), reverse=True)
        best, story = ranked[0] if ranked else (float("-inf"), "")
        related = tuple((name, value) for value, name in ranked[:3] if settings.relate <= value < settings.join)
        if best < settings.join:
            return Assignment(article=article, story=digest("story", article), related=related)
        closest = max(self._compared(self._stories[story]), key=lambda name: score(evidence, self._evidence[name]))
        why = explain(evidence, self._evidence[closest])
        return Assignment(article=article, story=story, score=best, joined=why, related=related)

    def _near(self, evidence: Evidence) -> list[_Story]:
        found: Counter[str] = Counter()
        for kind, most in RAREST.items():
            weights = evidence.vectors[kind].weights
            held = [key for key in sorted(weights, key=lambda key: -weights[key]) if (kind, key) in self._holders]
            for key in held[:most]:
                for name in self._holders[kind, key]:
                    found[name] += 1
        hits: Counter[str] = Counter()
        for name, count in found.most_common(CANDIDATES):
            hits[self._story_of[name]] += count
        open_stories = (self._stories[name] for name, _ in hits.most_common())
        return [story for story in open_stories if self._takes(story, evidence.day)][:STORIES_TRIED]

    def _takes(self, story: _Story, day: int) -> bool:
        settings = self._settings
        return (
            abs(day - story.last_day) <= settings.days_since_last
            and abs(day - story.first_day) <= settings.days_since_first
        )

    def _compared(self, story: _Story) -> list[str]:
        # A copy says nothing that its original does not say.
        members = [name for name in story.members if name not in self._copy_of] or story.members
        return members if len(members) <= COMPARED else members[:4] + members[4 - COMPARED :]

    def _mean(self, evidence: Evidence, story: _Story) -> float:
        compared = self._compared(story)
        return sum(score(evidence, self._evidence[name]) for name in compared) / len(compared)

    def _merge(self, assignment: Assignment, evidence: Evidence) -> Assignment:
        """Other stories that the new article belongs to as well become one with its own; the oldest id stays."""
        merged: list[tuple[str, float]] = []
        kept = self._stories[assignment.story]
        for other in self._near(evidence):
            absorbed = other.id not in self._stories  # the article's own, if an older one took it in meanwhile
            if absorbed or other.id == kept.id or self._mean(evidence, other) < self._settings.join:
                continue
            value = self._between(kept, other)
            if value < self._settings.merge:
                continue
            kept, gone = sorted((kept, other), key=lambda story: story.order)
            self._absorb(kept, gone)
            merged.append((gone.id, value))
        if not merged:
            return assignment
        return Assignment(
            article=assignment.article,
            story=kept.id,
            score=assignment.score,
            joined=assignment.joined,
            related=tuple(pair for pair in assignment.related if pair[0] not in dict(merged)),
            merged=tuple(merged),
        )

    def _between(self, one: _Story, other: _Story) -> float:
        pairs = [(a, b) for a in self._compared(one)[-6:] for b in self._compared(other)[-6:]]
        return sum(score(self._evidence[a], self._evidence[b]) for a, b in pairs) / len(pairs)

    def _absorb(self, kept: _Story, gone: _Story) -> None:
        for name in gone.members:
            self._story_of[name] = kept.id
        kept.members += gone.members
        kept.last_day = max(kept.last_day, gone.last_day)
        del self._stories[gone.id]

    def _remember(self, assignment: Assignment, evidence: Evidence, keys: StoryKeys, arrival_day: int) -> None:
        name, story_id = assignment.article, assignment.story
        story = self._stories.get(story_id)
        if story is None:
            story = _Story(id=story_id, first_day=keys.day, last_day=keys.day, order=self._begun)
            self._begun += 1
            self._stories[story_id] = story
        story.members.append(name)
        story.last_day = max(story.last_day, keys.day)
        self._story_of[name], self._evidence[name] = story_id, evidence
        self._copies.add(name, keys.shingles)
        self._arrivals.append((arrival_day, name))
        if assignment.copy_of:
            self._copy_of[name] = assignment.copy_of
            return  # its original is found instead
        for kind, most in RAREST.items():
            weights = evidence.vectors[kind].weights
            for key in sorted(weights, key=lambda key: -weights[key])[: 2 * most]:
                holders = self._holders.setdefault((kind, key), deque(maxlen=POSTINGS))
                self.dropped += len(holders) == POSTINGS
                holders.append(name)

    def _forget_before(self, day: int) -> None:
        arrivals = self._arrivals
        while arrivals and (arrivals[0][0] < day or len(arrivals) >= self._settings.keep_articles):
            self._forget(arrivals.popleft()[1])

    def _forget(self, name: str) -> None:
        evidence = self._evidence.pop(name)
        self._copies.forget(name)
        self._copy_of.pop(name, None)
        story = self._stories[self._story_of.pop(name)]
        story.members.remove(name)
        if not story.members:
            del self._stories[story.id]
        for kind in RAREST:
            for key in evidence.vectors[kind].weights:
                holders = self._holders.get((kind, key))
                if holders and name in holders:
                    holders.remove(name)
                    if not holders:
                        del self._holders[kind, key]


def new_in_story(told: Iterable[tuple[str, ...]], events: tuple[str, ...]) -> tuple[str, ...]:
    """What an article adds to a story whose earlier members told `told`.

    >>> new_in_story([], ("sanctions.eased proposed",))
    ('first telling',)
    >>> new_in_story([("sanctions.eased proposed",)], ("sanctions.eased done", "talks.held done"))
    ('sanctions.eased: proposed → done', 'talks.held: done')
    >>> new_in_story([("prisoners.released done 3",)], ("prisoners.released done 4",))
    ('prisoners.released: 3 → 4',)
    """
    earlier = list(told)
    if not earlier:
        return ("first telling",)
    known: dict[str, list[str]] = {}
    for event in (event for member in earlier for event in member):
        known.setdefault(event.split()[0], []).append(event)
    return tuple(said for event in events if (said := _difference(known.get(event.split()[0], []), event)))


def _difference(known: list[str], event: str) -> str:
    topic, modality, *number = event.split()
    if not known:
        return f"{topic}: {modality}"
    modalities = [earlier.split()[1] for earlier in known]
    if modality not in modalities:
        return f"{topic}: {modalities[-1]} → {modality}"
    numbers = [earlier.split()[2] for earlier in known if len(earlier.split()) > 2]
    return f"{topic}: {numbers[-1]} → {number[0]}" if number and numbers and number[0] not in numbers else ""
