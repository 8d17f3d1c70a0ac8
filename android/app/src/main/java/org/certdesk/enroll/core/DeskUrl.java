package org.certdesk.enroll.core;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;
import org.certdesk.enroll.core.Failure.Reason;

/** The address of a settings.xml as people get it: typed, pasted, or in a link that a camera has read. */
public final class DeskUrl {
    private static final String FINGERPRINT = "sha256=";

    /** What to fetch. */
    public final URI uri;
    /** SHA-256 in hexadecimal of a trust anchor that the settings must hold; empty if the system vouches for the desk. */
    public final String fingerprint;

    private DeskUrl(URI uri, String fingerprint) {
        this.uri = uri;
        this.fingerprint = fingerprint;
    }

    /**
     * Reads {@code https://…}, {@code certdesk://…}, which means https, or either without its scheme.
     *
     * <p>The fragment {@code #sha256=…} names a trust anchor, for desks with a certificate of their own authority.
     *
     * @param allowLoopback whether plain http to this device is accepted, which only debug builds do
     */
    public static DeskUrl parse(String unverifiedUrl, boolean allowLoopback) throws Failure {
        String text = Characters.strip(Characters.plainSpaces(unverifiedUrl));
        if (text.regionMatches(true, 0, "certdesk://", 0, 11)) {
            text = "https://" + text.substring(11);
        } else if (!text.contains("://") && !text.isEmpty()) {
            text = "https://" + text;
        }
        URI uri = uri(text);
        String fingerprint = fingerprint(uri.getFragment());
        String scheme = uri.getScheme().toLowerCase(Locale.ROOT);
        if (!scheme.equals("https") && !(scheme.equals("http") && allowLoopback && isThisDevice(uri.getHost()))) {
            throw new Failure(Reason.URL_NOT_HTTPS);
        }
        int fragment = text.indexOf('#');
        return new DeskUrl(URI.create(fragment < 0 ? text : text.substring(0, fragment)), fingerprint);
    }

    private static URI uri(String text) throws Failure {
        try {
            URI uri = new URI(text);
            int port = uri.getPort();
            if (uri.getScheme() == null || uri.getHost() == null || uri.getRawUserInfo() != null || port == 0
                    || port > 65535 || text.length() > 2000) {
                throw new Failure(Reason.URL);
            }
            return uri;
        } catch (URISyntaxException malformed) {
            throw new Failure(Reason.URL).causedBy(malformed);
        }
    }

    private static String fingerprint(String fragment) throws Failure {
        if (fragment == null) {
            return "";
        }
        String digits = fragment.replaceAll("[\\s:]", "").toLowerCase(Locale.ROOT);
        if (!digits.startsWith(FINGERPRINT) || !digits.substring(FINGERPRINT.length()).matches("[0-9a-f]{64}")) {
            throw new Failure(Reason.URL);
        }
        return digits.substring(FINGERPRINT.length());
    }

    /** Tells whether a host is this device itself, so that plain http crosses no network. */
    static boolean isThisDevice(String host) {
        return "localhost".equals(host) || "127.0.0.1".equals(host) || "[::1]".equals(host);
    }

    @Override
    public String toString() {
        return fingerprint.isEmpty() ? uri.toString() : uri + "#" + FINGERPRINT + fingerprint;
    }
}
