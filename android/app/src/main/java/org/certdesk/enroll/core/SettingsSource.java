package org.certdesk.enroll.core;

import java.net.URI;
import java.util.Collections;
import java.util.List;
import org.certdesk.enroll.core.Failure.Reason;

/** Settings that have been fetched from someone who has proved to be the desk; as {@code certdesk.client.configuration}. */
final class SettingsSource {
    final String xml;
    final Settings settings;
    /** Whether the system's authorities vouch for the desk's API too; false if the settings' trust anchors do. */
    final boolean trustSystem;

    private SettingsSource(String xml, Settings settings, boolean trustSystem) {
        this.xml = xml;
        this.settings = settings;
        this.trustSystem = trustSystem;
    }

    static SettingsSource fetch(DeskUrl url, boolean allowLoopback, String app, Clock clock) throws Failure {
        String xml;
        if (url.fingerprint.isEmpty()) {
            xml = get(url.uri, new Exchange(Trust.system(), app, clock));
        } else {
            byte[] anchor = anchor(get(url.uri, new Exchange(Trust.unsafeAnybody(), app, clock)), url.fingerprint);
            xml = get(url.uri, new Exchange(Trust.of(Collections.singletonList(anchor), false), app, clock));
            anchor(xml, url.fingerprint);
        }
        Settings settings = SettingsFile.parse(octets(xml));
        DeskUrl.parse(settings.deskUrl, allowLoopback);
        return new SettingsSource(xml, settings, needsSystem(url, settings, app, clock));
    }

    /** Finds out whether the desk's API proves itself by the settings' trust anchors; then nobody else has to. */
    private static boolean needsSystem(DeskUrl url, Settings settings, String app, Clock clock) throws Failure {
        if (!url.fingerprint.isEmpty()) {
            return false;
        }
        URI uri = URI.create(settings.deskUrl + "/settings/" + settings.organisation + ".xml");
        try {
            new Exchange(Trust.of(settings.trustAnchors, false), app, clock).get(uri, "application/xml", "");
            return false;
        } catch (Failure failure) {
            if (failure.reason == Reason.UNTRUSTED) {
                return true;
            }
            throw failure;
        }
    }

    private static String get(URI uri, Exchange exchange) throws Failure {
        Exchange.Reply reply = exchange.get(uri, "application/xml", "");
        if (reply.status != 200) {
            throw new Failure(Reason.SETTINGS_NOT_THERE, reply.status);
        }
        SettingsFile.parse(reply.body);
        return reply.text();
    }

    private static byte[] anchor(String xml, String fingerprint) throws Failure {
        List<byte[]> anchors = SettingsFile.parse(octets(xml)).trustAnchors;
        for (byte[] anchor : anchors) {
            if (Digests.hex(Digests.sha256(anchor)).equals(fingerprint)) {
                return anchor;
            }
        }
        throw new Failure(Reason.SETTINGS_OTHER_FINGERPRINT);
    }

    private static byte[] octets(String text) {
        return text.getBytes(java.nio.charset.Charset.forName("UTF-8"));
    }
}
