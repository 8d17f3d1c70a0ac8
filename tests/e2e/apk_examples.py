"""What the desk's policy makes of forms and passwords, for the mobile app's own checks to be compared with."""

import unicodedata

from certdesk.domain.enrollment import Device, Kind, Submission
from certdesk.domain.errors import Problem
from certdesk.domain.passwords import password_problems, prepare_registration_password
from certdesk.policy.contact import judge_email, judge_phone
from certdesk.policy.fields import LONGEST_DESCRIPTION, LONGEST_LOCALITY, LONGEST_STATE, judge_text
from certdesk.policy.submission import normalise

_GOOD = {
    "location.state_or_province": "Rhône",
    "location.locality": "Lyon",
    "contact.email": "jeanne@example.org",
    "contact.phone": "+33 4 72 00 00 00",
    "description": "Counter 3",
}
_TEXTS = [
    *("", " ", "\u00a0", "a", "x" * 128, "x" * 129, "\U0001f600" * 128, "\U0001f600" * 129, "Saint\u2019Étienne", "\t"),
    *("e\u0301", "a\u202eb", "a\u200bb", "a\u2066b", "\ufeff", "a\x07b", "a\x7fb", "a\u2028b", "a\ufffeb", "\ufdd0"),
    *("\U0001fffe", "東京", "تونس", "\u3000東京\u3000", "a\u00adb", "a\u2003b", "<b>", "&amp;", "a\u061cb", "a\x85b"),
]
_EMAILS = [
    *(
        "",
        "a@b.example",
        "A.b+c@EXAMPLE.org",
        "a@b",
        "@b.example",
        "a@",
        "a@@b.example",
        "a b@c.example",
        "a@b c.example",
    ),
    *(".a@b.example", "a.@b.example", "a..b@c.example", '"a b"@c.example', "a@-b.example", "a@b-.example", "a@b.123"),
    *("a@[127.0.0.1]", "a@127.0.0.1", "a" * 64 + "@b.example", "a" * 65 + "@b.example", "a@b.example.", "a@.b.example"),
    *("a@" + "b" * 63 + ".example", "a@" + "b" * 64 + ".example", "é@b.example", "a@bücher.example", " a@b.example "),
    *("a@xn--bcher-kva.example", "a@xn--a.example", "a@ab--cd.example", "a@b_c.example", "mailto:a@b.example", "a@b,c"),
    *(
        "a\n@b.example",
        "a@b.example\n",
        "a@b..example",
        "a@" + ".".join(["b" * 60] * 5),
        "o'neil@b.example",
        "a@b.c-d.ex",
    ),
]
_PHONES = [
    *("", "+33472000000", "0033472000000", "+33 (0)4 72 00 00 00", "04 72 00 00 00", "+1", "+1234567", "+123456"),
    *("+123456789012345", "+1234567890123456", "+0123456789", "++33472000000", "+33-472-000-000", "+33.472.000.000"),
    *("+33/472/000000", "+33 472 000 000 x1", "phone", "+33\u2013472\u2013000000", "+33\u00a0472\u00a0000\u00a0000"),
    *("+٣٣٤٧٢٠٠٠٠٠٠", "(+33) 472 000 000", "00 33 472 000 000", "000472000000", "+33\n472000000", "+33;ext=1", "#31#"),
]
_DESCRIPTIONS = ["x" * 1000, "x" * 1001, "two\nlines", "a\r\n\tb", "\n\n", "tab\there", "a\u2029b", "ends \n"]
_PASSWORDS = [
    *(
        "",
        "short-1",
        "counter-3",
        "counter3",
        "counter-three",
        "12345-678",
        "pässwört-1",
        "пароль-12",
        "密碼密碼密碼-1",
    ),
    *("counter 3", "counter\u00a03", "counter3\u20ac", "e\u0301counter-1", "a" * 1022 + "-1", "a" * 1023 + "-1"),
    *("counter-3\x07", "counter-3\u200b", "counter-3\ue000", "counter-\u0663", "Ⅷcounter-a", "😀counter1", "a1-"),
    *("ªªªªªªª-1", "counter²-", "counter_3", "counter3+", "\u2028counter3"),
]


def _submission(typed: dict[str, str]) -> Submission:
    return Submission(
        organisation="FRA1",
        kind=Kind.MOBILE,
        csr=b"",
        claim_sha256=b"",
        email=typed["contact.email"],
        phone=typed["contact.phone"],
        description=typed["description"],
        state_or_province=typed["location.state_or_province"],
        locality=typed["location.locality"],
        device=Device("device"),
    )


def _judged(typed: dict[str, str]) -> dict[str, object]:
    normal = normalise(_submission(typed))
    problems: list[Problem] = [
        *judge_text("location.state_or_province", normal.state_or_province, LONGEST_STATE),
        *judge_text("location.locality", normal.locality, LONGEST_LOCALITY),
        *judge_email("contact.email", normal.email),
        *judge_phone("contact.phone", normal.phone),
        *judge_text("description", normal.description, LONGEST_DESCRIPTION),
    ]
    return {
        "typed": typed,
        "normal": {
            "location.state_or_province": normal.state_or_province,
            "location.locality": normal.locality,
            "contact.email": normal.email,
            "contact.phone": normal.phone,
            "description": normal.description,
        },
        "refused": sorted({problem.field for problem in problems}),
    }


def _prepared(typed: str) -> str:
    """Return the prepared form of any password: the padding makes a good one of it and is taken off again."""
    padding = "-aaaaaa1"
    if len(typed) > 1000 or "C" in {unicodedata.category(each)[0] for each in typed}:
        return typed
    return prepare_registration_password(typed + padding).removesuffix(padding)


def policy_examples() -> dict[str, object]:
    """Return forms and passwords as they are typed, with what the desk makes of them."""
    varied = {
        "location.state_or_province": _TEXTS,
        "location.locality": _TEXTS,
        "contact.email": _EMAILS,
        "contact.phone": _PHONES,
        "description": _TEXTS + _DESCRIPTIONS,
    }
    forms = [_judged(_GOOD | {field: text}) for field, texts in varied.items() for text in texts]
    passwords = []
    for typed in _PASSWORDS:
        prepared = _prepared(typed)
        passwords.append({"typed": typed, "prepared": prepared, "lacks": len(password_problems(prepared))})
    return {"forms": forms, "passwords": passwords}
