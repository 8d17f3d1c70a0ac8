"""The mobile app as shipped, run by a JVM with Android's own framework (Robolectric) against a real desk.

`make apk` has to have built it. ENROLL_SCREENSHOTS=docs/images/mobile keeps the pictures of the screens.
"""

import fcntl
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.apk_examples import policy_examples
from tests.e2e.server import PASSWORD, DeskServer

ANDROID = Path(__file__).parents[2] / "android"
TESTS = ANDROID / "build" / "test"
PARTS = ANDROID / "build" / "parts"
PACKAGE = "org.certdesk.enroll"
PATIENCE = 600.0
"""Seconds."""


@pytest.fixture(scope="session")
def classpath() -> str:
    """Return what the JVM needs, made once for all test processes."""
    assert (ANDROID / "build" / "Enroll.apk").exists(), "there is no APK: make apk"
    (ANDROID / "build" / "lock").touch()
    with (ANDROID / "build" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([ANDROID / "prepare-tests"], check=True)
    return (TESTS / "classpath").read_text()


@pytest.fixture
def desk(sqlite_server: DeskServer, tmp_path: Path) -> dict[str, str]:
    """Start a desk, and return what the JVM's tests have to know of it; the JVM's system trusts its root."""
    sqlite_server.start()
    trust = tmp_path / "trust.p12"
    command = ["keytool", "-importcert", "-noprompt", "-storetype", "PKCS12", "-storepass", "changeit"]
    subprocess.run([*command, "-file", sqlite_server.root, "-keystore", trust], check=True, capture_output=True)
    return {
        "desk.url": sqlite_server.url,
        "desk.root": str(sqlite_server.root),
        "manager.pkcs12": str(sqlite_server.folder / "claire.p12"),
        "manager.password": PASSWORD,
        "javax.net.ssl.trustStore": str(trust),
        "javax.net.ssl.trustStorePassword": "changeit",
    }


def run_on_android(
    classpath: str, *classes: str, properties: dict[str, str] | None = None, options: tuple[str, ...] = ()
) -> None:
    """Run JUnit classes, and fail with what they say if any of their tests does."""
    given = {
        "robolectric.dependency.dir": str(TESTS / "sdks"),
        "robolectric.conscryptMode": "OFF",
        "java.awt.headless": "true",
    } | (properties or {})
    command = ["java", "-Xmx2g", *options, *(f"-D{name}={value}" for name, value in given.items())]
    command += ["-classpath", classpath, "org.junit.runner.JUnitCore", *(f"{PACKAGE}.{name}" for name in classes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    failures = done.stdout.partition("\nThere w")[2].partition("\nFAILURES!!!")[0]
    assert done.returncode == 0, failures[:10_000] or done.stdout[-5_000:] + done.stderr[-5_000:]
    assert "\nOK (" in done.stdout


@pytest.mark.parametrize("sdk", [23, 28, 34, 35])
def test_the_way_from_the_first_start_to_the_certificate(classpath: str, desk: dict[str, str], sdk: int) -> None:
    """On Android 6, 9, 14 and 15 a device enrolls with a real desk."""
    run_on_android(classpath, "EnrollmentTest", properties=desk | {"robolectric.enabledSdks": str(sdk)})


def test_decisions_renewal_passwords_siblings_and_reminders(
    classpath: str, desk: dict[str, str], tmp_path: Path
) -> None:
    """What follows the first request works with a real desk, and OpenSSL finds the key in the PKCS#12 file."""
    kept = tmp_path / "kept.p12"
    run_on_android(classpath, "CertificateTest", properties=desk | {"kept.pkcs12": str(kept)})
    command = ["openssl", "pkcs12", "-in", str(kept), "-nomacver", "-passin", f"pass:{PASSWORD}", "-nodes"]
    opened = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "BEGIN PRIVATE KEY" in opened
    assert opened.count("BEGIN CERTIFICATE") == 2


def test_faults_of_the_desk(classpath: str) -> None:
    """A desk that is down, broken or forged makes the app neither lose, nor send twice, nor install anything bad."""
    run_on_android(classpath, "FaultsTest")


def test_screens_that_are_turned_and_killed(classpath: str) -> None:
    """Every screen is the same after it was turned and after its process was killed."""
    run_on_android(classpath, "RestorationTest")


def test_settings_forms_passwords_and_sentences(classpath: str, tmp_path: Path) -> None:
    """Bad settings are told apart, forms are judged as the desk judges them, and every sentence is translated."""
    examples = tmp_path / "policy.json"
    examples.write_text(json.dumps(policy_examples()))
    classes = ("core.SettingsFileTest", "core.FormCheckTest", "SentencesTest")
    run_on_android(classpath, *classes, properties={"policy.examples": str(examples)})


def test_pictures_of_the_screens(classpath: str, tmp_path: Path) -> None:
    """Every screen is drawn in both languages, light and dark, on phone and tablet, with nothing cut off."""
    folder = Path(os.environ.get("ENROLL_SCREENSHOTS", tmp_path)).resolve()
    run_on_android(classpath, "ScreensTest", properties={"screenshots": str(folder)})
    assert len(list(folder.glob("*.png"))) == 15 * 8


def test_bytecode_of_the_apk(classpath: str) -> None:
    """The APK's dex passes a JVM's verifier, and calls nothing that Android 6 lacks."""
    [framework] = (PARTS / "build").glob("android-all-*.jar")
    [signature] = (PARTS / "test").glob("*.signature")
    run_on_android(
        classpath,
        "ShippedBytecodeTest",
        options=("-Xverify:all",),
        properties={
            "shipped.jar": str(TESTS / "shipped.jar"),
            "framework.jar": str(framework),
            "api.signature": str(signature),
        },
    )
