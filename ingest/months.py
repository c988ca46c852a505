"""A word -> the month that it names, in the languages of the feeds."""

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

# Twelve months a language, in order, separated by bars; several forms of one by slashes.
# From CLDR, and as outlets write them.
WRITTEN = {
    "en": (
        "january/jan | february/feb | march/mar | april/apr | may | june/jun | july/jul | august/aug | "
        "september/sep/sept | october/oct | november/nov | december/dec"
    ),
    "id": (
        "januari/jan | februari/feb/pebruari | maret/mar | april/apr | mei | juni/jun | juli/jul | "
        "agustus/agu/ags/agt/agust | september/sep | oktober/okt | november/nov/nop/nopember | "
        "desember/des"
    ),
    "ms": (
        "januari/jan | februari/feb | mac | april/apr | mei | jun | julai/jul | ogos/ogo | september/sep | "
        "oktober/okt | november/nov | disember/dis"
    ),
    "ru": (
        "января/янв/январь | февраля/февр/февраль/фев | марта/мар/март | апреля/апр/апрель | мая/май | "
        "июня/июн/июнь | июля/июл/июль | августа/авг/август | сентября/сент/сентябрь/сен | "
        "октября/окт/октябрь | ноября/нояб/ноябрь/ноя | декабря/дек/декабрь"
    ),
    "uk": (
        "січня/січ/січень | лютого/лют/лютий | березня/бер/березень | квітня/квіт/квітень/кві | "
        "травня/трав/травень/тра | червня/черв/червень/чер | липня/лип/липень | серпня/серп/серпень/сер | "
        "вересня/вер/вересень | жовтня/жовт/жовтень/жов | листопада/лист/листопад/лис | "
        "грудня/груд/грудень/гру"
    ),
    "be": (
        "студзеня/сту/студзень | лютага/лют/люты | сакавіка/сак/сакавік | красавіка/кра/красавік | мая/май | "
        "чэрвеня/чэр/чэрвень | ліпеня/ліп/ліпень | жніўня/жні/жнівень | верасня/вер/верасень | "
        "кастрычніка/кас/кастрычнік | лістапада/ліс/лістапад | снежня/сне/снежань"
    ),
    "pl": (
        "stycznia/sty/styczeń | lutego/lut/luty | marca/mar/marzec | kwietnia/kwi/kwiecień | maja/maj | "
        "czerwca/cze/czerwiec | lipca/lip/lipiec | sierpnia/sie/sierpień | września/wrz/wrzesień | "
        "października/paź/październik | listopada/lis/listopad | grudnia/gru/grudzień"
    ),
    "lt": (
        "sausio/saus/sausis | vasario/vas/vasaris | kovo/kov/kovas | balandžio/bal/balandis | "
        "gegužės/geg/gegužė | birželio/birž/birželis | liepos/liep/liepa | rugpjūčio/rugp/rugpjūtis | "
        "rugsėjo/rugs/rugsėjis | spalio/spal/spalis | lapkričio/lapkr/lapkritis | gruodžio/gruod/gruodis"
    ),
    "cs": (
        "ledna/led/leden | února/úno/únor | března/bře/březen | dubna/dub/duben | května/kvě/květen | "
        "června/čvn/červen | července/čvc/červenec | srpna/srp/srpen | září/zář | října/říj/říjen | "
        "listopadu/lis/listopad | prosince/pro/prosinec"
    ),
    "hr": (
        "siječnja/sij/siječanj | veljače/velj/veljača | ožujka/ožu/ožujak | travnja/tra/travanj | "
        "svibnja/svi/svibanj | lipnja/lip/lipanj | srpnja/srp/srpanj | kolovoza/kol/kolovoz | rujna/ruj/rujan | "
        "listopada/lis/listopad | studenoga/studenog/stu/studeni | prosinca/pro/prosinac"
    ),
    "bg": (
        "януари/яну | февруари/фев | март | април/апр | май | юни | юли | август/авг | септември/сеп/септ | "
        "октомври/окт | ноември/ное/ноем | декември/дек"
    ),
    "sl": (
        "januar/jan | februar/feb | marec/mar | april/apr | maj | junij/jun | julij/jul | avgust/avg | "
        "september/sep | oktober/okt | november/nov | december/dec"
    ),
    "de": (
        "januar/jan/jänner/jän | februar/feb | märz/mär/mrz | april/apr | mai | juni/jun | juli/jul | "
        "august/aug | september/sept/sep | oktober/okt | november/nov | dezember/dez"
    ),
    "fr": (
        "janvier/janv | février/févr/fév | mars | avril/avr | mai | juin | juillet/juil | août | "
        "septembre/sept | octobre/oct | novembre/nov | décembre/déc"
    ),
    "es": (
        "enero/ene | febrero/feb | marzo/mar | abril/abr | mayo/may | junio/jun | julio/jul | agosto/ago | "
        "septiembre/sept/sep/setiembre | octubre/oct | noviembre/nov | diciembre/dic"
    ),
    "pt": (
        "janeiro/jan | fevereiro/fev | março/mar | abril/abr | maio/mai | junho/jun | julho/jul | "
        "agosto/ago | setembro/set | outubro/out | novembro/nov | dezembro/dez"
    ),
    "it": (
        "gennaio/gen | febbraio/feb | marzo/mar | aprile/apr | maggio/mag | giugno/giu | luglio/lug | "
        "agosto/ago | settembre/set | ottobre/ott | novembre/nov | dicembre/dic"
    ),
    "tr": (
        "ocak/oca | şubat/şub | mart/mar | nisan/nis | mayıs/may | haziran/haz | temmuz/tem | ağustos/ağu | "
        "eylül/eyl | ekim/eki | kasım/kas | aralık/ara"
    ),
    "ar": (
        "يناير/كانون الثاني/جانفي | فبراير/شباط/فيفري | مارس/آذار | أبريل/نيسان/أفريل/ابريل | "
        "مايو/أيار/ماي | يونيو/حزيران/جوان | يوليو/تموز/جويلية | أغسطس/آب/أوت/اغسطس/غشت | "
        "سبتمبر/أيلول/شتنبر | أكتوبر/تشرين الأول/اكتوبر | نوفمبر/تشرين الثاني/نونبر | "
        "ديسمبر/كانون الأول/دجنبر"
    ),
    "fa": (
        "ژانویهٔ/ژانویه | فوریهٔ/فوریه | مارس | آوریل | مهٔ/مه | ژوئن/جون | ژوئیهٔ/ژوئیه/جولای | اوت | "
        "سپتامبر | اکتبر | نوامبر | دسامبر"
    ),
}


def month(word: str, language: str = "") -> int | None:
    """1 to 12 for the name of a month, whatever its case, accents and full stop; None for any other word.

    A name that means different months in different languages needs its language.

    >>> month("Sept."), month("листопада"), month("aout"), month("soup")
    (9, 11, 8, None)
    >>> month("listopada"), month("listopada", "pl"), month("listopada", "hr")
    (None, 11, 10)
    """
    name = folded(word)
    return _of(_primary(language)).get(name) or _everywhere().get(name)


def named(words: Sequence[str], language: str = "") -> set[int]:
    """The months that `words` name, some in two words: in their language or in English, else in any.

    >>> sorted(named(["24", "Kas", "2025", "Paz"])), named(["24", "Kas", "2025", "Paz"], "tr")
    ([10, 11], {11})
    """
    names = [folded(name) for name in (*words, *(f"{one} {other}" for one, other in pairwise(words)))]
    for known in (_of(_primary(language)), _of("en"), _everywhere()):
        found = {known[name] for name in names if name in known}
        if found:
            return found
    return set()


def folded(word: str) -> str:
    """The word without case, accents and full stops at its ends."""
    parts = unicodedata.normalize("NFKD", word.casefold().strip(".").replace("ı", "i"))
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


def _primary(language: str) -> str:
    return language.lower().replace("_", "-").partition("-")[0]


@cache
def _of(language: str) -> dict[str, int]:
    return {
        folded(form): number
        for number, forms in enumerate(WRITTEN.get(language, "").split("|"), start=1)
        for form in forms.strip().split("/")
        if form
    }


@cache
def _everywhere() -> dict[str, int]:
    """What means the same month wherever it means one."""
    meanings = defaultdict[str, set[int]](set)
    for language in WRITTEN:
        for name, number in _of(language).items():
            meanings[name].add(number)
    return {name: numbers.pop() for name, numbers in meanings.items() if len(numbers) == 1}
