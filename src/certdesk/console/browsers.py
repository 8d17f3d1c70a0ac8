"""What a `User-Agent` header means to the person who reads a list of sessions."""

_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
"""By what stands in the header; most browsers name those that they want to be taken for after themselves."""
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def describe_browser(unverified_user_agent: str) -> str:
    """Return browser and system in two words, such as `Firefox, Windows`; empty if neither is known."""
    found = (
        next((name for mark, name in marks if mark in unverified_user_agent), "") for marks in (_BROWSERS, _SYSTEMS)
    )
    return ", ".join(name for name in found if name)
