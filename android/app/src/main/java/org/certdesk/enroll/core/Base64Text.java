package org.certdesk.enroll.core;

import org.bouncycastle.util.encoders.Base64;

/** Base64 and PEM, strictly (RFC 4648 §4, RFC 7468). */
final class Base64Text {
    private Base64Text() {}

    static String encode(byte[] octets) {
        return Base64.toBase64String(octets);
    }

    /** Decodes base64 that may be broken into lines; throws IllegalArgumentException for anything else in it. */
    static byte[] decode(String text) {
        String compact = text.replaceAll("[ \t\r\n]+", "");
        if (compact.isEmpty() || compact.length() % 4 != 0 || !compact.matches("[A-Za-z0-9+/]*={0,2}")) {
            throw new IllegalArgumentException("no base64");
        }
        return Base64.decode(compact);
    }

    /** Encodes without padding in the alphabet for URLs. */
    static String encodeForUrl(byte[] octets) {
        return encode(octets).replace('+', '-').replace('/', '_').replace("=", "");
    }

    static String pem(String label, byte[] der) {
        StringBuilder pem = new StringBuilder("-----BEGIN ").append(label).append("-----\n");
        String body = encode(der);
        for (int at = 0; at < body.length(); at += 64) {
            pem.append(body, at, Math.min(at + 64, body.length())).append('\n');
        }
        return pem.append("-----END ").append(label).append("-----\n").toString();
    }
}
