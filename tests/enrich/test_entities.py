import pytest
from names_kit import ids, mentions, register

LUKASHENKO, BELARUS, RUSSIA, STATES, UNION, UKRAINE = "Q2866", "Q184", "Q159", "Q30", "Q458", "Q212"
MINSK, WASHINGTON, BRUSSELS = "gn-625144", "gn-4140963", "gn-2800866"

MUST_FIND = [
    (
        "en",
        "Talks with Alexander Lukashenko ended in Minsk on Monday.",
        {"Alexander Lukashenko": LUKASHENKO, "Minsk": MINSK},
    ),
    (
        "en",
        "In Minsk, Lukashenko's spokesman praised the United States.",
        {"Lukashenko": LUKASHENKO, "United States": STATES},
    ),
    (
        "en",
        "The U.S. will ease sanctions on Belarusian potash, Washington said.",
        {"Belarusian": BELARUS, "Washington": WASHINGTON},
    ),
    (
        "en",
        "BRUSSELS (Reuters) - The European Union met NATO.",
        {"BRUSSELS": BRUSSELS, "European Union": UNION, "NATO": "Q7184"},
    ),
    (
        "ru",
        "Александр Лукашенко встретился с посланником Вашингтона.",
        {"Александр Лукашенко": LUKASHENKO, "Вашингтона": WASHINGTON},
    ),
    (
        "ru",
        "Встреча с Лукашенко прошла в Минске, сообщили в США.",
        {"Лукашенко": LUKASHENKO, "Минске": MINSK, "США": STATES},
    ),
    ("ru", "Об этом говорили в Вашингтоне и Евросоюзе.", {"Вашингтоне": WASHINGTON, "Евросоюзе": UNION}),
    (
        "pl",
        "Rozmowa z Aleksandrem Łukaszenką odbyła się w Mińsku.",
        {"Aleksandrem Łukaszenką": LUKASHENKO, "Mińsku": MINSK},
    ),
    (
        "pl",
        "Decyzja Łukaszenki ucieszyła Stany Zjednoczone i Białoruś.",
        {"Łukaszenki": LUKASHENKO, "Stany Zjednoczone": STATES, "Białoruś": BELARUS},
    ),
    (
        "pl",
        "Sankcje wobec Białorusi uzgodniono w Brukseli z Unią Europejską.",
        {"Białorusi": BELARUS, "Brukseli": BRUSSELS, "Unią Europejską": UNION},
    ),
    (
        "de",
        "Nach dem Treffen lobte er die Entscheidung Lukaschenkos in Minsk.",
        {"Lukaschenkos": LUKASHENKO, "Minsk": MINSK},
    ),
    (
        "de",
        "Die Europäische Union und die USA verhandeln mit Weißrussland.",
        {"Europäische Union": UNION, "USA": STATES, "Weißrussland": BELARUS},
    ),
    (
        "fr",
        "Alexandre Loukachenko a reçu l'émissaire des États-Unis à Minsk.",
        {"Alexandre Loukachenko": LUKASHENKO, "États-Unis": STATES, "Minsk": MINSK},
    ),
    (
        "fr",
        "L'Ukraine et la Biélorussie ont écrit à l'Union européenne.",
        {"Ukraine": UKRAINE, "Biélorussie": BELARUS, "Union européenne": UNION},
    ),
    (
        "id",
        "Presiden Alexander Lukashenko menerima utusan Amerika Serikat di Minsk.",
        {"Alexander Lukashenko": LUKASHENKO, "Amerika Serikat": STATES, "Minsk": MINSK},
    ),
    (
        "id",
        "Uni Eropa menolak usul Belarus, kata Washington.",
        {"Uni Eropa": UNION, "Belarus": BELARUS, "Washington": WASHINGTON},
    ),
    (
        "uk",
        "Олександр Лукашенко прибув до Києва, заявили в Білорусі.",
        {"Олександр Лукашенко": LUKASHENKO, "Києва": "Q1899", "Білорусі": BELARUS},
    ),
    ("be", "Аляксандр Лукашэнка прыняў пасланніка ў Мінску.", {"Аляксандр Лукашэнка": LUKASHENKO, "Мінску": MINSK}),
    (
        "cs",
        "Evropská unie jednala s Běloruskem o vězních v Minsku.",
        {"Evropská unie": UNION, "Běloruskem": BELARUS, "Minsku": MINSK},
    ),
    ("bg", "Александър Лукашенко говори с Русия и с Европейския съюз.", {"Русия": RUSSIA, "Европейския съюз": UNION}),
    ("sl", "Evropska unija je podaljšala sankcije proti Belorusiji.", {"Evropska unija": UNION, "Belorusiji": BELARUS}),
    (
        "tr",
        "Lukaşenko, Minsk'te ABD heyetini ve Türkiye'nin elçisini kabul etti.",
        {"Lukaşenko": LUKASHENKO, "Minsk": MINSK, "ABD": STATES, "Türkiye": "Q43"},
    ),
    (
        "ar",
        "التقى لوكاشينكو وفدا من الولايات المتحدة في مينسك.",
        {"لوكاشينكو": LUKASHENKO, "الولايات المتحدة": STATES, "مينسك": MINSK},
    ),
    ("fa", "لوکاشنکو در مینسک با نماینده روسیه دیدار کرد.", {"لوکاشنکو": LUKASHENKO, "روسیه": RUSSIA}),
    ("zh", "卢卡申科在明斯克会见了美国特使。", {"卢卡申科": LUKASHENKO, "明斯克": MINSK, "美国": STATES}),
    (
        "es",
        "La Unión Europea y Estados Unidos hablaron con Bielorrusia.",
        {"Unión Europea": UNION, "Estados Unidos": STATES, "Bielorrusia": BELARUS},
    ),
    (
        "it",
        "L'Unione europea e gli Stati Uniti parlano con la Bielorussia.",
        {"Unione europea": UNION, "Stati Uniti": STATES, "Bielorussia": BELARUS},
    ),
]

MUST_NOT_FIND = [
    (
        "en",
        "Reading the letter in March, the committee may polish its reply.",
        {"Reading", "March", "May", "may", "polish"},
    ),
    ("en", "However, the court said on Monday that it would wait.", {"However", "Monday"}),
    ("ru", "Сегодня суд заявил, что в среду решение объявят.", {"Сегодня"}),
    ("pl", "Wczoraj rząd zapowiedział, że w maju odbędą się rozmowy.", {"Wczoraj"}),
    (
        "de",
        "Die Regierung lehnte den Antrag der Opposition auf Freilassung der Gefangenen am Montag ab.",
        {"Regierung", "Antrag", "Opposition", "Freilassung", "Gefangenen", "Montag"},
    ),
    ("de", "Das Essen in der Halle war für die Kinder und die Eltern.", {"Essen", "Halle", "Kinder", "Eltern"}),
    ("fr", "Cependant, le ministre a parlé lundi des prisonniers.", {"Cependant"}),
    (
        "id",
        "Pada Senin, Kementerian itu membantah kabar dari Surat Keputusan tersebut.",
        {"Senin", "Surat", "Surat Keputusan"},
    ),
    ("cs", "Ruský velvyslanec loni odjel, letos se vrátil.", {"Ruský"}),
    ("en", "It was said on TV that GDP in EUR fell.", {"TV", "EUR"}),
]


@pytest.mark.parametrize(("language", "text", "wanted"), MUST_FIND)
def test_a_known_name_is_found_in_the_form_that_its_language_gives_it(language, text, wanted):
    found = ids(mentions(text, language))
    assert wanted.items() <= found.items(), found


@pytest.mark.parametrize(("language", "text", "unwanted"), MUST_NOT_FIND)
def test_an_ordinary_word_with_a_capital_is_no_name(language, text, unwanted):
    assert not unwanted & ids(mentions(text, language)).keys()


def test_one_person_has_one_id_in_every_script():
    texts = [
        ("en", "He met Alexander Lukashenko."), ("ru", "Он говорил с Лукашенко."), ("pl", "Rozmawiał z Łukaszenką."),
        ("de", "Er sprach mit Lukaschenko."), ("zh", "他会见了卢卡申科。"), ("ar", "التقى مع لوكاشينكو."),
    ]  # fmt: skip
    assert {mention.id for language, text in texts for mention in mentions(text, language)} == {LUKASHENKO}


def test_a_short_form_is_joined_to_the_fullest_form_of_the_article():
    found = mentions("Christopher W. Smith spoke first. Later Mr. Smith left, and Smith’s lawyer stayed.", "en")
    assert [mention.surface for mention in found] == ["Christopher W. Smith", "Smith", "Smith"]
    assert len({mention.id for mention in found}) == 1
    assert {mention.name for mention in found} == {"Christopher W. Smith"}
    assert [mention.rule for mention in found][1:] == ["short-form", "short-form"]


def test_a_surname_in_the_title_is_joined_to_the_full_name_in_the_text():
    title, *rest = mentions("The poet Anselm Korda came home. Korda spoke little.", "en", title="Korda comes home")
    assert (title.field, title.surface) == ("title", "Korda")
    assert {title.id} == {mention.id for mention in rest}


def test_a_foreign_person_has_one_id_in_its_oblique_forms():
    found = mentions("Переговоры вёл Дэниел Харвик. Харвика встретили, с Харвиком простились.", "ru")
    assert [mention.surface for mention in found] == ["Дэниел Харвик", "Харвика", "Харвиком"]
    assert len({mention.id for mention in found}) == 1


def test_an_unknown_name_has_one_id_across_scripts():
    [latin] = mentions("The envoy, Daniel Harwick, arrived.", "en")
    [cyrillic] = mentions("Посланник Дэниел Харвик прибыл.", "ru")
    assert latin.id == cyrillic.id == "x-tnl-krfk"


def test_an_acronym_in_brackets_is_the_organisation_before_it():
    found = mentions("The Northern Harbour Workers Union (NHWU) met. The NHWU voted.", "en")
    assert len({mention.id for mention in found}) == 1
    assert {mention.type for mention in found} == {"organisation"}
    assert found[-1].rule == "acronym"


def test_a_known_name_and_a_word_that_keep_company_are_one_name():
    found = mentions("Пакистанский суд оправдал Азию Норин. Адвокат Азии Норин доволен. Азия Норин уехала.", "ru")
    assert "company" in {mention.rule for mention in found}
    assert not {"Q48"} & {mention.id for mention in found}


def test_somebody_elses_first_name_is_not_the_famous_bearer_of_the_surname():
    found = mentions("Lukashenko spoke. In the village, Patrick Lukashenko sells bread.", "en")
    assert found[0].id == LUKASHENKO
    assert found[1].surface == "Patrick Lukashenko"
    assert found[1].id != LUKASHENKO


def test_a_town_that_shares_its_name_shows_the_other_readings():
    [mention] = mentions("He was born in Georgetown.", "en")
    assert mention.type == "place"
    assert len(mention.candidates) > 1
    assert all(0 < candidate.score < 1 and candidate.id != mention.id for candidate in mention.candidates)


def test_a_country_in_the_article_decides_between_towns_of_one_name():
    [alone] = mentions("He was born in Birmingham.", "en")
    british, american = (
        next(m for m in mentions(f"{land} wins. He was born in Birmingham.", "en") if m.surface == "Birmingham")
        for land in ("In the final, Britain", "In the final, the United States")
    )
    assert alone.id == british.id != american.id


def test_a_small_town_is_weak_evidence_and_a_capital_is_not():
    found = {mention.surface: mention for mention in mentions("Zebrali się w Suwałkach i w Mińsku.", "pl")}
    assert found["Suwałkach"].weak
    assert not found["Mińsku"].weak


def test_a_dateline_in_capitals_is_a_place_and_the_word_behind_it_opens_a_sentence():
    found = mentions("GALWAY - Church leaders met. Some Church money was lost.", "en")
    assert found[0].surface == "GALWAY"
    assert "Church leaders" not in ids(found)


def test_german_names_need_more_than_a_capital():
    text = "Die Journalistin Defne Alkan wurde verhaftet. Alkan hatte über den Hafen berichtet. Die Polizei schwieg."
    found = mentions(text, "de")
    assert [mention.surface for mention in found] == ["Defne Alkan", "Alkan"]
    assert len({mention.id for mention in found}) == 1


def test_a_ministry_takes_its_country_into_its_name():
    found = ids(mentions("Об этом сообщило Министерство иностранных дел Белоруссии в понедельник.", "ru"))
    assert "Министерство иностранных дел Белоруссии" in found


def test_an_indonesian_organisation_takes_the_words_behind_its_head():
    found = ids(mentions("Ia bekerja di Universitas Persada Raya Jakarta sejak lama.", "id"))
    assert any(surface.startswith("Universitas Persada") for surface in found)


def test_an_apostrophe_ends_a_name_and_a_name_may_hold_one():
    found = ids(mentions("Brian O'Brien praised Kenya’s court and Minsk's answer.", "en"))
    assert {"Brian O'Brien", "Kenya", "Minsk"} <= found.keys()


def test_a_language_without_a_pack_has_its_known_names_and_no_guesses_from_capitals():
    found = ids(mentions("Gisteren sprak de premier in Minsk. Volgens Duitsland is dat goed.", "nl"))
    assert found["Minsk"] == MINSK
    assert found["Duitsland"] == "Q183"
    assert "Gisteren" not in found


def test_every_mention_says_which_pack_it_is_of():
    assert {mention.pack for mention in mentions("Minsk and Daniel Harwick", "en")} == {register().version}
