"""Enroll.apk as a file: what Android is told about it before it is installed."""

import os
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID

ANDROID = Path(__file__).parents[2] / "android"
APK = ANDROID / "build" / "Enroll.apk"
PERMISSIONS = {
    "android.permission.INTERNET",
    "android.permission.ACCESS_NETWORK_STATE",
    "android.permission.RECEIVE_BOOT_COMPLETED",
    "android.permission.POST_NOTIFICATIONS",
}
EXPORTED = {".screen.StartActivity", ".screen.SettingsActivity", ".share.CredentialProvider"}


def say(*command: str) -> str:
    """Return what a program prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def badging() -> str:
    """Return what the package manager sees."""
    return say("aapt", "dump", "badging", str(APK))


def test_size() -> None:
    """The APK is below 3 MB."""
    assert APK.stat().st_size < 3_000_000


def test_signature() -> None:
    """It is signed for Android 6 (v1) and by the schemes v2 and v3."""
    said = say("apksigner", "verify", "--verbose", "--min-sdk-version", "23", str(APK))
    for scheme in ("v1 scheme (JAR signing)", "v2 scheme (APK Signature Scheme v2)", "v3 scheme"):
        assert re.search(re.escape(f"Verified using {scheme}") + ".*: true", said), said


def test_versions(badging: str) -> None:
    """It installs from Android 6 on, and is made for Android 14."""
    assert "sdkVersion:'23'" in badging
    assert "targetSdkVersion:'34'" in badging


def test_permissions(badging: str) -> None:
    """It asks for the network, and what reminders need; nothing else."""
    assert set(re.findall(r"uses-permission: name='([^']*)'", badging)) == PERMISSIONS


def test_languages(badging: str) -> None:
    """It speaks English and French."""
    assert "locales: '--_--' 'fr'" in badging


def test_is_no_debug_build(badging: str) -> None:
    """A debugger cannot be attached."""
    assert "application-debuggable" not in badging


def test_exported_components() -> None:
    """Only the way in, the settings link and the siblings' provider can be reached by other apps."""
    tree = say("aapt", "dump", "xmltree", str(APK), "AndroidManifest.xml")
    components = re.split(r"\n +E: (?=activity |service |provider |receiver |activity-alias )", tree)[1:]
    exported = set()
    for component in components:
        own = component.partition("\n        E: ")[0]
        name = re.search(r'android:name\(0x01010003\)="([^"]*)"', own)
        assert name, own
        assert "android:exported" in own, f"{name[1]} leaves it to Android"
        if re.search(r"android:exported\(0x01010010\)=\(type 0x12\)0xffffffff", own):
            exported.add(name[1])
    assert exported == EXPORTED
    assert 'android:permission(0x01010006)="org.certdesk.enroll.permission.CREDENTIAL"' in tree
    assert re.search(r"android:protectionLevel\(0x01010009\)=\(type 0x11\)0x2\b", tree), "signature"
    assert re.search(r"android:allowBackup\(0x01010280\)=\(type 0x12\)0x0\b", tree)


def test_signs_of_rooting_can_be_seen() -> None:
    """Android shows the app every package that it looks for, since the manifest names it."""
    tree = say("aapt", "dump", "xmltree", str(APK), "AndroidManifest.xml")
    queries = tree.partition("E: queries")[2].partition("E: permission")[0]
    source = (ANDROID / "app/src/main/java/org/certdesk/enroll/Conditions.java").read_text()
    packages = re.search(r"PACKAGES = \{([^}]*)\}", source)
    assert packages
    assert re.findall(r'="([^"]*)" \(Raw', queries) == re.findall(r'"([^"]*)"', packages[1])


def assemble(
    folder: Path, *words: str, environment: Mapping[str, str] | None = None, status: int = 0
) -> "subprocess.CompletedProcess[str]":
    """Build in a folder of its own; every command with its arguments stands on standard error, as processes show it."""
    given = os.environ | {"ENROLL_OUTPUT": str(folder)} | dict(environment or {})
    command = ["bash", "-x", str(ANDROID / "assemble"), *words]
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr[-2000:]
    return done


def signer_of(apk: Path) -> str:
    """Return the SHA-256 of the certificate that an APK is signed for."""
    said = say("apksigner", "verify", "--print-certs", "--min-sdk-version", "23", str(apk))
    [found] = re.findall(r"Signer #1 certificate SHA-256 digest: (\w+)", said)
    return str(found)


def test_same_bytes_twice(tmp_path: Path) -> None:
    """The same source and key give the same APK."""
    assemble(tmp_path)
    assert (tmp_path / "Enroll.apk").read_bytes() == APK.read_bytes()


class OwnKey:
    """A publisher's signing key, and what was built with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.password = "correct-horse-7"
        self.environment = {
            "ENROLL_KEYSTORE": str(folder / "publisher.p12"),
            "ENROLL_KEYSTORE_PASSWORD": self.password,
            "ENROLL_KEY_ALIAS": "publisher",
        }
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A publisher")])
        day = datetime(2026, 1, 1, tzinfo=UTC)
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1, day, day.replace(year=2066))
        certificate = builder.sign(key, SHA256())
        self.fingerprint = certificate.fingerprint(SHA256()).hex()
        protection = BestAvailableEncryption(self.password.encode())
        pkcs12 = serialize_key_and_certificates(b"publisher", key, certificate, None, protection)
        (folder / "publisher.p12").write_bytes(pkcs12)


@pytest.fixture(scope="module")
def own_key(tmp_path_factory: pytest.TempPathFactory) -> OwnKey:
    """Return a key that is not the development key."""
    return OwnKey(tmp_path_factory.mktemp("publisher"))


def test_debug_build_with_ones_own_key(own_key: OwnKey) -> None:
    """The publisher's key signs, nobody sees its password, and only a debug build may speak plain http."""
    done = assemble(own_key.folder, "--debug", environment=own_key.environment)
    assert own_key.password not in done.stderr + done.stdout
    apk = own_key.folder / "Enroll-debug.apk"
    assert signer_of(apk) == own_key.fingerprint
    assert "application-debuggable" in say("aapt", "dump", "badging", str(apk))
    for built, allowed in ((apk, "0xffffffff"), (APK, "0x0")):
        rules = say("aapt", "dump", "xmltree", str(built), "res/xml/network_security_config.xml")
        assert re.findall(r"cleartextTrafficPermitted=\(type 0x12\)(\w+)", rules) == [allowed]


def test_sample_of_a_sibling_app(own_key: OwnKey) -> None:
    """The sample builds, and with the same key as the app, or it would not get the permission."""
    assemble(own_key.folder, "sample", environment=own_key.environment)
    assert signer_of(own_key.folder / "CredentialSample.apk") == own_key.fingerprint


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ENROLL_KEYSTORE_PASSWORD": "correct-horse-8"}, "keystore password was incorrect"),
        ({"ENROLL_KEY_ALIAS": "nobody"}, "Alias <nobody> does not exist"),
        ({"ENROLL_KEYSTORE": "/nonexistent.p12"}, "Keystore file does not exist: /nonexistent.p12"),
    ],
)
def test_a_key_that_cannot_be_used(own_key: OwnKey, changes: dict[str, str], said: str) -> None:
    """It is told before anything is built."""
    done = assemble(own_key.folder, environment=own_key.environment | changes, status=1)
    assert f"error: the signing key cannot be used: {said}\n" in done.stderr
    assert not (own_key.folder / "Enroll.apk").exists()
