"""A word -> the month that it names, in the languages of the feeds."""

import unicodedata
from functools import cache

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


def month(word: str) -> int | None:
    """1 to 12 for the name of a month, whatever its case, accents and full stop; None for any other word.

    >>> month("Sept."), month("листопада"), month("aout"), month("soup")
    (9, 11, 8, None)
    """
    return _months().get(folded(word))


def folded(word: str) -> str:
    """The word without case, accents and full stops at its ends."""
    parts = unicodedata.normalize("NFKD", word.casefold().strip(".").replace("ı", "i"))
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


@cache
def _months() -> dict[str, int]:
    return {
        folded(form): number
        for months in WRITTEN.values()
        for number, forms in enumerate(months.split("|"), start=1)
        for form in forms.strip().split("/")
    }
