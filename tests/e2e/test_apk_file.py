"""Enroll.apk as a file: what Android is told about it before it is installed."""

import os
import re
import subprocess
from pathlib import Path

import pytest

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


def test_same_bytes_twice(tmp_path: Path) -> None:
    """The same source and key give the same APK."""
    environment = os.environ | {"ENROLL_OUTPUT": str(tmp_path)}
    subprocess.run([ANDROID / "assemble"], env=environment, check=True, capture_output=True)
    assert (tmp_path / "Enroll.apk").read_bytes() == APK.read_bytes()


def test_sample_of_a_sibling_app(tmp_path: Path) -> None:
    """The sample builds, and is signed with the same key, or it would not get the permission."""
    environment = os.environ | {"ENROLL_OUTPUT": str(tmp_path)}
    subprocess.run([ANDROID / "assemble", "sample"], env=environment, check=True, capture_output=True)
    signer = r"Signer #1 certificate SHA-256 digest: (\w+)"
    own, sample = (
        re.findall(signer, say("apksigner", "verify", "--print-certs", "--min-sdk-version", "23", str(apk)))
        for apk in (APK, tmp_path / "CredentialSample.apk")
    )
    assert own
    assert own == sample
