"""Members are found and sorted as people mean them, in either database: letters, accents, spaces, order of words."""

import random
import re
import unicodedata

import pytest
from browsing import client, do
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.folding import sort_key
from protocol.rows import Badge, Certification, Machine, Member, Training

NAMES = {
    "s1": "Élodie Béranger", "s2": "Zoé Marchand", "s3": "Lœtitia d’Aubigné", "s4": "Jean-Paul Müller", "S5": "",
    "s6": "eva Strauß", "ADH#12": "Hash Test",
}  # fmt: skip


def put(*rows):
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    carry_out(Author(name="test"), "demo", rows)


def enter(names=None):
    put(*(Member(who, name) for who, name in (NAMES if names is None else names).items()))


def on_the_whitelist(browser, said):
    page = browser.get("/whitelist", {"q": said, "show": "all"}, secure=True).content.decode()
    return re.findall(r'name="member" value="([^"]+)"', page)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("elodie", ["s1"]),
        ("ÉLODIE", ["s1"]),
        ("BÉRANGER", ["s1"]),
        ("Beranger Elodie", ["s1"]),
        ("E\u0301lodie", ["s1"]),
        ("élodie\u00a0béranger", ["s1"]),
        ("  beran   ELO ", ["s1"]),
        ("loetitia", ["s3"]),
        ("Lœtitia d'aubigne", ["s3"]),
        ("jean paul", ["s4"]),
        ("muller", ["s4"]),
        ("strauss", ["s6"]),
        ("adh#12", ["ADH#12"]),
        ("S1", ["s1"]),
        ("s5", ["S5"]),
        ("100%", []),
        ("_", []),
        ("elodie marchand", []),
    ],
)
def test_the_whitelist_finds_whom_people_mean(sqlite, said, found):
    enter()
    assert on_the_whitelist(client(), said) == found


def test_every_search_of_people_finds_them(database):
    from server.devices.models import Device
    from server.usage.models import Session

    enter()
    put(Badge("a" * 32, "s1"), Training("t"), Machine("m", "M", ("t",)), Certification("s1", "t"))
    device = Device.objects.create(id="d", key="k" * 43, sealing="s")
    for name, who in (("one", "s1"), ("two", "s2")):
        Session.objects.create(
            device=device, session=name, machine="m", member=who, boot="b", began=0, started=1_795_000_000_000,
            quality="kept", ended=True,
        )  # fmt: skip
    browser = client()

    def text(path, **asked):
        return browser.get(path, asked, secure=True).content.decode()

    for said in ("beranger ELODIE", "S1", "E\u0301LODIE\u00a0Be\u0301ranger", "Élodie Béranger (s1)"):
        if "(" not in said:
            assert on_the_whitelist(browser, said) == ["s1"], said
            assert "Élodie Béranger (s1)" in text("/members/options", member=said)
            assert "…aaaaaa" in text("/badges", q=said) and "…aaaaaa" not in text("/badges", q="zoe")
        assert "Élodie Béranger may" in text("/explain", member=said, machine="m"), said
        assert "The session<" in text("/usage", month="2026-11", member=said), said
        assert "Zoé" not in re.sub(r"<option.*?</option>", "", text("/usage/sessions", member=said))
        do(browser, "/badges", do="give", hash="b" * 32, member=said)
        from server.people.models import Badge as Kept

        assert Kept.objects.get(pk="b" * 32).member == "s1", said
        Kept.objects.filter(pk="b" * 32).delete()


def test_an_id_counts_before_a_name_and_an_exact_one_before_another(database):
    from server.core.forms import FormError
    from server.people.members import named

    enter({"ann": "Bob", "Ann": "Cleo", "bob": "Ann", "x1": "Ann Fox", "x2": "Ann Foxley", "Zed": "ann fox (x2)"})
    assert [named(each).pk for each in ("ann", "Ann", "bob")] == ["ann", "Ann", "bob"]
    assert named("ZED").pk == "Zed", "only one id is written so"
    with pytest.raises(FormError, match="several"):
        named("FOX")
    with pytest.raises(FormError, match="nobody"):
        named("nobody at all")
    assert named("ANN FOX").pk == "x1", "a name that is exactly so is meant, though it is a part of another"
    assert named("Ann Foxley (x2)").pk == "x2" and named("ann fox (x2) (Zed)").pk == "Zed"
    with pytest.raises(FormError):
        named("")


def test_members_stand_in_the_order_of_french_names(database):
    names = ["Ève", "eva", "Étienne", "Zoé", "Œdipe", "Odette", "Olga", "élan", "Côte", "Cote", "coté", "Jean Luc",
             "Jean-Luc", "jeanne", "Ébène", "Edgar"]  # fmt: skip
    enter({f"x{place:02d}": name for place, name in enumerate(random.Random(3).sample(names, len(names)))})
    browser = client()
    page = browser.get("/whitelist?show=all", secure=True).content.decode()
    shown = re.findall(r'<a class="ellip" href="/members/x\d\d">([^<]+)</a>', page)
    assert shown == sorted(names, key=sort_key)
    sheet = b"".join(browser.get("/members-sheet?as=csv", secure=True).streaming_content).decode("utf-8-sig")
    assert [line.split(",")[1] for line in sheet.splitlines()[1:]] == shown
    offered = browser.get("/members/options?member=x", secure=True).content.decode()
    assert re.findall(r'value="([^"]+) \(x\d\d\)"', offered) == shown


def test_small_tables_stand_in_that_order_too(database):
    from server.people.models import Organisation

    names = ["Zinc", "Émail", "eau-forte", "Ébène", "Œillets"]
    put(*(Training(f"t{place}", name) for place, name in enumerate(names)))
    put(*(Machine(f"m{place}", name, ("t0",)) for place, name in enumerate(names)))
    for place, name in enumerate(names):
        Organisation.objects.create(id=f"o{place}", name=name)
    wanted = sorted(names, key=sort_key)
    browser = client()

    def text(path, **asked):
        return browser.get(path, asked, secure=True).content.decode()

    assert re.findall(r'class="training"[^>]*>([^<]+)<', text("/whitelist")) == wanted
    assert re.findall(r"<h2[^>]*><a [^>]+>([^<]+)</a>", text("/machines")) == wanted
    assert re.findall(r'<option value="m\d">([^<]+)<', text("/explain")) == wanted
    assert re.findall(r'<option value="m\d">([^<]+)<', text("/usage")) == wanted
    assert re.findall(r'name="name" value="([^"]+)"', text("/organisations")) == wanted
    assert re.findall(r'name="name" value="([^"]+)"', text("/setup")) == [*wanted, *wanted]


def all_follows():
    from server.people import derived, models

    return all(
        (each.folded, bytes(each.place)) == (derived.searched(each.pk, each.name), derived.place(each.pk, each.name))
        for each in models.Member.objects.all()
    )


def test_what_is_searched_follows_the_name_whatever_writes_it(database, tmp_path):
    from central import configuration

    from server.operations import backup
    from server.people import models

    enter()
    put(Member("s1", "Renée Écrite"))
    assert all_follows() and on_the_whitelist(client(), "renee") == ["s1"]
    found = models.Member.objects.get(pk="s2")
    found.name = "Saved"
    found.save()
    found.name = "Saved Again"
    found.save(update_fields=["name"])
    models.Member.objects.create(pk="made", name="Créée")
    assert all_follows() and models.Member.objects.filter(folded__contains="again").exists()
    with pytest.raises(TypeError):
        models.Member.objects.update(name="All the same")
    backup.write(configuration, tmp_path / "b")
    put(Member("s1", "Other"))
    backup.restore(configuration, tmp_path / "b")
    assert all_follows() and models.Member.objects.get(pk="s1").name == "Renée Écrite"


def test_a_database_of_before_is_searched_after_the_migration_and_goes_back_whole(database):
    from django.core.management import call_command
    from django.db import connection

    enter()
    call_command("migrate", "people", "0006_drafts", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("select id, name from people_member")
        assert dict(cursor.fetchall()) == NAMES
        cursor.execute(
            "insert into people_member (id, name, category, payer, excluded) values ('late', 'Späte', '', '', false)"
        )
    call_command("migrate", "people", verbosity=0)
    assert all_follows() and on_the_whitelist(client(), "spate") == ["late"]


def test_the_longest_and_oddest_of_names_is_kept_and_found(database):
    enter({"\U0001f511" * 64: "\ufdfa" * 200, "b" * 64: "É" * 200, "\u200b": "\u200b"})
    assert all_follows()
    browser = client()
    assert on_the_whitelist(browser, "e" * 100) == ["b" * 64]
    assert on_the_whitelist(browser, "\u200b") == ["\u200b"]


def test_however_a_name_is_typed_it_is_found(sqlite):
    from server.people.members import searched
    from server.people.models import Member as Kept

    words = st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), min_size=1, max_size=8)

    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(words, min_size=1, max_size=5), st.randoms(use_true_random=False), st.data())
    def found(name, chance, data):
        Kept.objects.all().delete()
        Kept.objects.create(pk="x", name=" ".join(name))
        Kept.objects.create(pk="~", name="~")
        typed = chance.sample(name, len(name))
        form = data.draw(st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
        case = data.draw(st.sampled_from([str.upper, str.lower, str.title, str]))
        space = data.draw(st.sampled_from([" ", "\u00a0", "  "]))
        said = space.join(unicodedata.normalize(form, case(each)) for each in typed)
        assert [each.pk for each in searched(said)] == ["x"], (name, said)

    found()


def test_a_commune_counts_in_whatever_letters(sqlite):
    from server.people.models import Particulars
    from server.whitelist.fulfilment import made_of
    from server.whitelist.models import Condition

    condition = Condition(pk="c", what="commune", asked="Saint-Étienne, Die")
    assert made_of(Particulars(pk="x", commune="saint-etienne "), condition) is not None
    assert made_of(Particulars(pk="x", commune="DIE"), condition) is not None
    assert made_of(Particulars(pk="x", commune="Crest"), condition) is None
    assert made_of(Particulars(pk="x", commune=""), condition) is None


def test_an_organisation_that_is_there_already_is_found_in_whatever_letters(sqlite):
    from server.people.models import Organisation

    Organisation.objects.create(id="lycee", name="Lycée du Diois")
    enter({"x": "X"})
    browser = client()
    do(browser, "/members/x", do="save", name="X", payer="LYCEE  DU DIOIS")
    assert Organisation.objects.count() == 1
    from server.people.models import Member as Kept

    assert Kept.objects.get(pk="x").payer == "lycee"
    assert do(browser, "/organisations", do="save", name="lycee du diois").status_code == 422


def test_a_search_looks_at_what_lies_side_by_side_in_the_order_in_which_it_is_shown(sqlite):
    from django.db import connection

    from server.people.members import searched
    from server.people.models import Badge as Kept

    for found, index in (
        (searched("ann fox")[:40], "SCAN people_member USING INDEX member_place"),
        (searched("").filter(place__gt=b"m")[:40], "SEARCH people_member USING INDEX member_place (place>?)"),
        (Kept.objects.filter(kind="spare").order_by("hash")[:40], "USING INDEX badge_spare"),
    ):
        plan = found.explain()
        assert index in plan and "TEMP B-TREE" not in plan, (connection.vendor, plan)
