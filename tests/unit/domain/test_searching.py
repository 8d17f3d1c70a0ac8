"""What a search text may mean, and by which words a request is found."""

import pytest

from certdesk.domain.enrollment import Names
from certdesk.domain.searching import LONGEST_WORD, Search, is_found, search_of, spellings, words_of

ID = "FRA1-7GQ4-2KXT"


def words(email: str = "", device: str = "", name: str = "", names: Names | None = None) -> set[str]:
    """Return the words of a request, but for its ID's."""
    return set(words_of(ID, email, device, name, names or Names())) - {"7gq4-2kxt"}


def test_an_address_is_found_by_its_parts() -> None:
    """As a whole, from each later part on, and by its domain."""
    assert words(email="Anne-Claire.Petit@Poste.example") == {
        "anne-claire.petit@poste.example",
        "claire.petit@poste.example",
        "petit@poste.example",
        "poste.example",
    }


def test_a_device_is_found_by_its_last_part() -> None:
    """The number that is read off a label is often the last part of what the device calls itself."""
    assert words(device="HH-00123-A0042") == {"hh-00123-a0042", "a0042"}
    assert words(device="SN-1") == {"sn-1"}
    assert words(device="Zebra 0042") == {"zebra", "0042"}


def test_names_are_found_word_by_word() -> None:
    """A manager by each of their names, a server by its names and their domains."""
    assert words(name="Hélène de la Tour") == {"helene", "de", "la", "tour"}
    assert words(names=Names(("api.poste.example",), ("192.0.2.7",))) == {
        "api.poste.example",
        "poste.example",
        "192.0.2.7",
    }


def test_words_are_few_and_short_and_hold_no_space() -> None:
    """Whatever a device sends, what is kept of it for searching is bounded."""
    found = words_of(
        ID, "a.b.c.d.e.f@x.example", " ".join(f"word{number}-part{number}" for number in range(99)), "", Names()
    )
    assert len(found) <= 16
    assert all(" " not in word and len(word) <= LONGEST_WORD for word in words(device="x" * 500, name="a\u00a0b\tc"))
    assert found == sorted(found)


@pytest.mark.parametrize("text", ["fra1-7gq4-2kxt", "FRA1 7GQ4 2KXT", "fra17gq42kxt"])
def test_a_request_id_is_known_in_any_spelling(text: str) -> None:
    """An ID is recognised by its check character."""
    assert search_of(text).request_id == ID
    assert search_of(ID.replace("XT", "XM")).request_id == ""


def test_numbers_are_known_by_their_length() -> None:
    """Serial numbers may be cut short or written with colons; digests are whole."""
    assert search_of("AB:CD:EF:01").serial_number == "abcdef01"
    assert search_of("abcdef0").serial_number == ""
    assert search_of("ab" * 16).serial_number == "ab" * 16
    assert search_of("ab" * 17) == Search("", "", b"", ("ab" * 17,))
    assert search_of(":".join(["ab"] * 32)).digest == b"\xab" * 32


def test_words_are_what_anybody_can_type() -> None:
    """Capitals and accents make no difference, nor does an @ in front of a domain; what cannot be seen is left out."""
    assert search_of("HÉLÈNE  Petit").words == ("helene", "petit")
    assert search_of("@poste.example").words == ("poste.example",)
    assert search_of("a\x00b @ \u202e").words == ()


def test_an_organisations_code_may_be_typed_before_an_id() -> None:
    """Within the organisation that it names, and as a part of something else as well."""
    assert spellings("fra1-7gq", "FRA1") == ("fra1-7gq", "7gq")
    assert spellings("fra1-7gq", "DEU1") == ("fra1-7gq",)
    assert spellings("fra1-", "FRA1") == ("fra1-",)


def test_all_words_have_to_be_found() -> None:
    """Each of them begins a word, in whatever order."""
    kept = words_of(ID, "claire.petit@poste.example", "SN-1", "", Names())
    assert is_found(kept, ("petit", "claire"), "FRA1")
    assert is_found(kept, ("fra1-7g", "sn"), "FRA1")
    assert not is_found(kept, ("petit", "paul"), "FRA1")


def test_a_serial_number_may_look_like_a_request_id() -> None:
    """One beginning of a serial number in 32 has an ID's check character by chance; it means both."""
    search = search_of("492345ff4eb945ec")
    assert search.request_id
    assert search.serial_number == "492345ff4eb945ec"
