"""The mobile app as shipped, run by a JVM with Android's own framework (Robolectric) against a real desk.

`make apk` has to have built it. ENROLL_SCREENSHOTS=docs/images/mobile keeps the pictures of the screens.

Starting Android on a JVM takes longer than most of what is then tested, so there are few tests here and each of them
runs several classes of JUnit; what fails is told by its own name.
"""

import fcntl
import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from certdesk import __version__
from tests.e2e.apk_examples import policy_examples
from tests.e2e.console_pages import SESSION_COOKIE, sign_in
from tests.e2e.server import PASSWORD, DeskServer

ANDROID = Path(__file__).parents[2] / "android"
APK = ANDROID / "build" / "Enroll.apk"
TESTS = ANDROID / "build" / "test"
PARTS = ANDROID / "build" / "parts"
PACKAGE = "org.certdesk.enroll"
PATIENCE = 600.0
"""Seconds."""
SCREENS = 16


@pytest.fixture(scope="session")
def classpath() -> str:
    """Return what the JVM needs, made once for all test processes."""
    assert APK.exists(), "there is no APK: make apk"
    (ANDROID / "build" / "lock").touch()
    with (ANDROID / "build" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([ANDROID / "prepare-tests"], check=True)
    return (TESTS / "classpath").read_text()


def run_on_android(classpath: str, *classes: str, **properties: str | Path) -> None:
    """Run JUnit classes, and fail with what they say if any of their tests does."""
    given = {
        "robolectric.dependency.dir": TESTS / "sdks",
        "robolectric.conscryptMode": "OFF",
        "java.awt.headless": "true",
    } | {name.replace("_", "."): value for name, value in properties.items()}
    # So short a run does not gain by the second compiler.
    command = ["java", "-Xmx2g", "-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=240m"]
    command += [f"-D{name}={value}" for name, value in given.items()]
    command += ["-classpath", classpath, "org.junit.runner.JUnitCore", *(f"{PACKAGE}.{name}" for name in classes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    failures = done.stdout.partition("\nThere w")[2].partition("\nFAILURES!!!")[0]
    assert done.returncode == 0, failures[:10_000] or done.stdout[-5_000:] + done.stderr[-5_000:]
    assert "\nOK (" in done.stdout


@pytest.fixture
def desk(sqlite_server: DeskServer) -> DeskServer:
    """Return a desk that publishes the app."""
    sqlite_server.start()
    sqlite_server.here("publish", str(APK))
    return sqlite_server


def publication_page(desk: DeskServer) -> str:
    """Return what a visitor sees."""
    with desk.device() as visitor:
        return visitor.get("/publish/FRA1").raise_for_status().text


def test_the_publication_page_offers_the_app(desk: DeskServer) -> None:
    """Its version and checksum stand there, and what is downloaded is the file that was built."""
    page, octets = publication_page(desk), APK.read_bytes()
    assert f"Version {__version__}" in page
    assert hashlib.sha256(octets).hexdigest() in page
    [link] = set(re.findall(r'href="([^"]*\.apk)"', page))
    with desk.device() as visitor:
        answer = visitor.get(link)
    assert answer.content == octets
    assert answer.headers["content-type"] == "application/vnd.android.package-archive"


def test_on_every_android(classpath: str, desk: DeskServer, tmp_path: Path) -> None:
    """On Android 6, 9, 14 and 15 a device enrolls with a real desk and survives, and what may come later works."""
    page = publication_page(desk)
    links = re.findall(r'"(certdesk://[^"]*\.xml#[^"]*)"|>(https://[^<]*\.xml#[^<]*)<', page)
    kept, trust = tmp_path / "kept.p12", tmp_path / "trust.p12"
    command = ["keytool", "-importcert", "-noprompt", "-storetype", "PKCS12", "-storepass", "changeit"]
    subprocess.run([*command, "-file", desk.root, "-keystore", trust], check=True, capture_output=True)
    run_on_android(
        classpath,
        *("EnrollmentTest", "CertificateTest", "RestorationTest"),
        desk_url=desk.url,
        desk_root=desk.root,
        manager_pkcs12=desk.folder / "claire.p12",
        manager_password=PASSWORD,
        published_links=" ".join(one or other for one, other in links),
        kept_pkcs12=kept,
        javax_net_ssl_trustStore=trust,
        javax_net_ssl_trustStorePassword="changeit",
    )
    assert len(links) == 2
    check_what_claire_sees(desk)
    check_with_openssl(kept)


def check_what_claire_sees(desk: DeskServer) -> None:
    """Find the device's condition on its request's page, as reported by the device."""
    with desk.manager("claire") as claire:
        request = claire.get("/api/v1/requests").json()["items"][-1]
    cookies = {SESSION_COOKIE: sign_in(desk, "claire")}
    with httpx.Client(base_url=desk.url, verify=desk.tls(), trust_env=False, cookies=cookies) as console:
        shown = console.get(f"/requests/{request['id']}").raise_for_status().text
    assert "Screen lock, reported by the device" in shown
    assert "it found no signs of rooting" in shown


def check_with_openssl(pkcs12: Path) -> None:
    """Find key and certificates in the file that the app keeps."""
    command = ["openssl", "pkcs12", "-in", str(pkcs12), "-nomacver", "-passin", f"pass:{PASSWORD}", "-nodes"]
    opened = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "BEGIN PRIVATE KEY" in opened
    assert opened.count("BEGIN CERTIFICATE") == 2


def test_with_a_crooked_desk(classpath: str, tmp_path: Path) -> None:
    """Nothing is lost, sent twice or wrongly installed; every screen is translated and fits on its device."""
    examples = tmp_path / "policy.json"
    examples.write_text(json.dumps(policy_examples()))
    folder = Path(os.environ.get("ENROLL_SCREENSHOTS", ""))
    [framework] = (PARTS / "build").glob("android-all-*.jar")
    [signature] = (PARTS / "test").glob("*.signature")
    run_on_android(
        classpath,
        *("FaultsTest", "ScreensTest", "SentencesTest"),
        *("core.SettingsFileTest", "core.FormCheckTest", "ShippedBytecodeTest"),
        policy_examples=examples,
        screenshots=folder.resolve() if "ENROLL_SCREENSHOTS" in os.environ else "",
        shipped_jar=TESTS / "shipped.jar",
        framework_jar=framework,
        api_signature=signature,
    )
    if "ENROLL_SCREENSHOTS" in os.environ:
        assert len(list(folder.glob("*.png"))) == 3 * SCREENS
