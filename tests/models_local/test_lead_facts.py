"""Facts of a company, by the form in which a page says them."""

from __future__ import annotations

from bot.models.local.lead_facts import facts_in
from tools.spec import ReadText


def test_a_year_of_copyright_is_no_postal_code() -> None:
    text = "Herbs under glass\n© 2026 Brackenfold Growers\nCopyright 2026 Brackenfold Growers\n"
    page = ReadText("https://acme.example/", "", text, "", (), None)
    assert [one.value for one in facts_in(page, "acme.example") if one.field == "location"] == []
    page = ReadText("https://acme.example/", "", text + "Gasse 4, 8010 Graz\n", "", (), None)
    assert [one.value for one in facts_in(page, "acme.example") if one.field == "location"] == [
        "Graz"
    ]


def test_an_address_in_the_data_is_quoted_with_its_name_alone() -> None:
    data = '{"@type": "Organization", "name": "Acme", "email": "hello@acme.example"}'
    page = ReadText("https://acme.example/", "", "", data)
    (found,) = (one for one in facts_in(page, "acme.example") if one.field == "contacts")
    assert (found.value, found.quote) == ("hello@acme.example", '"email": "hello@acme.example"')
