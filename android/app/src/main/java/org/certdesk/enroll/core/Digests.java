package org.certdesk.enroll.core;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Locale;

/** SHA-256, and what is made of it. */
public final class Digests {
    private Digests() {}

    public static byte[] sha256(byte[] octets) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(octets);
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    public static String hex(byte[] octets) {
        StringBuilder text = new StringBuilder(octets.length * 2);
        for (byte octet : octets) {
            text.append(String.format((Locale) null, "%02x", octet));
        }
        return text.toString();
    }

    /** Returns the six digits that requester and manager compare; as {@code certdesk.domain.identifiers}. */
    static String verificationCode(byte[] spki) {
        byte[] digest = sha256(spki);
        long rest = 0;
        for (int at = 0; at < 8; at++) {
            rest = (rest * 256 + (digest[at] & 0xFF)) % 1_000_000;
        }
        return String.format((Locale) null, "%06d", rest);
    }
}
