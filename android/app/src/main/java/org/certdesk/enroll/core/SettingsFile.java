package org.certdesk.enroll.core;

import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bouncycastle.cert.X509CertificateHolder;
import org.certdesk.enroll.core.Failure.Reason;
import org.xmlpull.v1.XmlPullParser;
import org.xmlpull.v1.XmlPullParserException;
import org.xmlpull.v1.XmlPullParserFactory;

/**
 * Reads settings.xml, which comes from outside: UTF-8 only, no document type, no entities but XML's five.
 *
 * <p>The first thing that is wrong is named, by the name that the field has in the file.
 */
public final class SettingsFile {
    /** Bytes; as the desk's own limit. */
    public static final int LARGEST = 256 * 1024;

    private static final String NAMESPACE = "urn:certdesk:settings:";
    private static final String VERSION = "1";
    private static final int MOST_TRUST_ANCHORS = 16;
    private static final int MOST_POLL_SECONDS = 86_400;
    private static final int LONGEST_SHOWN = 80;
    private static final Pattern DECLARED_ENCODING =
            Pattern.compile("\\A<\\?xml\\s[^>]*?encoding\\s*=\\s*[\"']([^\"']*)[\"']");
    private static final Pattern URL = Pattern.compile(
            "(https?)://([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+\\])(?::([0-9]{1,5}))?(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?");

    /** A field, in the order in which they are looked at. */
    private enum Field {
        ORGANISATION, NAME, COUNTRY, DESK_URL, TRUST_ANCHORS, KEY_TYPE, STATE_OR_PROVINCE, LOCALITY, SUPPORT_CONTACT,
        POLL_SECONDS;

        static final Set<Field> OPTIONAL = EnumSet.of(STATE_OR_PROVINCE, LOCALITY, SUPPORT_CONTACT);

        String tag() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        Failure wrong() {
            return new Failure(Reason.valueOf("SETTINGS_" + name()), tag());
        }

        static Field of(String tag) {
            for (Field field : values()) {
                if (field.tag().equals(tag)) {
                    return field;
                }
            }
            return null;
        }
    }

    private final XmlPullParser parser;
    private final Map<Field, String> texts = new HashMap<>();
    private final List<String> anchors = new ArrayList<>();

    private SettingsFile(XmlPullParser parser) {
        this.parser = parser;
    }

    /** Returns the settings, or fails with what is wrong. */
    public static Settings parse(byte[] unverifiedXml) throws Failure {
        if (unverifiedXml.length > LARGEST) {
            throw new Failure(Reason.SETTINGS_TOO_LARGE, LARGEST / 1024);
        }
        try {
            XmlPullParserFactory factory = XmlPullParserFactory.newInstance();
            factory.setNamespaceAware(true);
            XmlPullParser parser = factory.newPullParser();
            parser.setInput(new StringReader(decode(unverifiedXml)));
            SettingsFile file = new SettingsFile(parser);
            file.read();
            return file.settings();
        } catch (XmlPullParserException | IOException | RuntimeException malformed) {
            throw new Failure(Reason.SETTINGS_NOT_XML).causedBy(malformed);
        }
    }

    private static String decode(byte[] xml) throws CharacterCodingException, Failure {
        String text = Charset.forName("UTF-8").newDecoder().decode(ByteBuffer.wrap(xml)).toString();
        text = text.startsWith("\uFEFF") ? text.substring(1) : text;
        Matcher declared = DECLARED_ENCODING.matcher(text);
        if (declared.find() && !declared.group(1).equalsIgnoreCase("UTF-8")) {
            throw new Failure(Reason.SETTINGS_NOT_XML);
        }
        if (text.contains("<!DOCTYPE")) {
            throw new Failure(Reason.SETTINGS_DOCTYPE); // before the parser has read any of it
        }
        return text;
    }

    /** Returns the next event that matters; comments and processing instructions do not. */
    private int next() throws XmlPullParserException, IOException, Failure {
        while (true) {
            int event = parser.nextToken();
            switch (event) {
                case XmlPullParser.DOCDECL:
                    throw new Failure(Reason.SETTINGS_DOCTYPE);
                case XmlPullParser.ENTITY_REF:
                    if (parser.getText() == null) {
                        throw new Failure(Reason.SETTINGS_DOCTYPE);
                    }
                    return XmlPullParser.TEXT;
                case XmlPullParser.CDSECT:
                    return XmlPullParser.TEXT;
                case XmlPullParser.COMMENT:
                case XmlPullParser.PROCESSING_INSTRUCTION:
                case XmlPullParser.IGNORABLE_WHITESPACE:
                    break;
                default:
                    return event;
            }
        }
    }

    private void read() throws XmlPullParserException, IOException, Failure {
        int event = next();
        while (event == XmlPullParser.TEXT && Characters.strip(parser.getText()).isEmpty()) {
            event = next();
        }
        if (event != XmlPullParser.START_TAG) {
            throw new Failure(Reason.SETTINGS_NOT_XML);
        }
        checkRoot();
        for (event = next(); event != XmlPullParser.END_TAG; event = next()) {
            if (event == XmlPullParser.START_TAG) {
                readField();
            } else if (event == XmlPullParser.END_DOCUMENT) {
                throw new Failure(Reason.SETTINGS_NOT_XML);
            }
        }
        // The pull parser is content with anything after the root, and XML is not (§2.1).
        for (event = next(); event != XmlPullParser.END_DOCUMENT; event = next()) {
            if (event != XmlPullParser.TEXT || !Characters.strip(parser.getText()).isEmpty()) {
                throw new Failure(Reason.SETTINGS_NOT_XML);
            }
        }
    }

    private void checkRoot() throws Failure {
        String namespace = parser.getNamespace();
        if (!"settings".equals(parser.getName()) || namespace == null || !namespace.startsWith(NAMESPACE)) {
            throw new Failure(Reason.SETTINGS_ROOT);
        }
        if (!namespace.equals(NAMESPACE + VERSION) || !VERSION.equals(parser.getAttributeValue(null, "version"))) {
            throw new Failure(Reason.SETTINGS_VERSION, VERSION);
        }
    }

    private void readField() throws XmlPullParserException, IOException, Failure {
        String tag = parser.getName();
        Field field = (NAMESPACE + VERSION).equals(parser.getNamespace()) ? Field.of(tag) : null;
        if (field == null) {
            String shown = Characters.printable(tag);
            throw new Failure(
                    Reason.SETTINGS_UNKNOWN_FIELD, shown.substring(0, Math.min(LONGEST_SHOWN, shown.length())));
        }
        if (texts.containsKey(field)) {
            throw new Failure(Reason.SETTINGS_FIELD_TWICE, tag);
        }
        texts.put(field, field == Field.TRUST_ANCHORS ? readAnchors() : readText(field));
    }

    private String readAnchors() throws XmlPullParserException, IOException, Failure {
        for (int event = next(); event != XmlPullParser.END_TAG; event = next()) {
            if (event == XmlPullParser.START_TAG) {
                if (!"certificate".equals(parser.getName())
                        || !(NAMESPACE + VERSION).equals(parser.getNamespace())
                        || anchors.size() == MOST_TRUST_ANCHORS) {
                    throw Field.TRUST_ANCHORS.wrong();
                }
                anchors.add(readText(Field.TRUST_ANCHORS));
            } else if (event == XmlPullParser.END_DOCUMENT) {
                throw new Failure(Reason.SETTINGS_NOT_XML);
            }
        }
        return "";
    }

    private String readText(Field field) throws XmlPullParserException, IOException, Failure {
        StringBuilder text = new StringBuilder();
        for (int event = next(); event != XmlPullParser.END_TAG; event = next()) {
            if (event == XmlPullParser.START_TAG) {
                throw field.wrong();
            }
            if (event == XmlPullParser.END_DOCUMENT) {
                throw new Failure(Reason.SETTINGS_NOT_XML);
            }
            text.append(parser.getText());
        }
        return Characters.strip(text.toString());
    }

    private Settings settings() throws Failure {
        for (Field field : Field.values()) {
            if (!texts.containsKey(field) && !Field.OPTIONAL.contains(field)) {
                throw new Failure(Reason.SETTINGS_FIELD_MISSING, field.tag());
            }
        }
        return new Settings(
                matching(Field.ORGANISATION, "[A-Z0-9]{2,12}"),
                line(Field.NAME),
                matching(Field.COUNTRY, "[A-Z]{2}"),
                deskUrl(),
                trustAnchors(),
                keyType(),
                line(Field.STATE_OR_PROVINCE),
                line(Field.LOCALITY),
                line(Field.SUPPORT_CONTACT),
                pollSeconds());
    }

    private String line(Field field) throws Failure {
        String text = texts.get(field);
        if (text == null) {
            return "";
        }
        if (Characters.refused(text) != null || (text.isEmpty() && !Field.OPTIONAL.contains(field))) {
            throw field.wrong();
        }
        return text;
    }

    private String matching(Field field, String pattern) throws Failure {
        String text = texts.get(field);
        if (!text.matches(pattern)) {
            throw field.wrong();
        }
        return text;
    }

    private String deskUrl() throws Failure {
        String text = texts.get(Field.DESK_URL);
        Matcher url = URL.matcher(text);
        if (!url.matches()
                || !isPort(url.group(3))
                || (url.group(1).equals("http") && !DeskUrl.isThisDevice(url.group(2)))) {
            throw Field.DESK_URL.wrong();
        }
        return text.replaceAll("/+\\z", "");
    }

    private static boolean isPort(String digits) {
        return digits == null || (Integer.parseInt(digits) > 0 && Integer.parseInt(digits) < 65536);
    }

    private List<byte[]> trustAnchors() throws Failure {
        List<byte[]> certificates = new ArrayList<>();
        for (String anchor : anchors) {
            try {
                byte[] der = Base64Text.decode(anchor);
                if (!java.util.Arrays.equals(new X509CertificateHolder(der).getEncoded(), der)) {
                    throw Field.TRUST_ANCHORS.wrong();
                }
                certificates.add(der);
            } catch (IOException | RuntimeException unreadable) {
                throw Field.TRUST_ANCHORS.wrong();
            }
        }
        if (certificates.isEmpty()) {
            throw Field.TRUST_ANCHORS.wrong();
        }
        return certificates;
    }

    private KeyType keyType() throws Failure {
        KeyType type = KeyType.of(texts.get(Field.KEY_TYPE));
        if (type == null) {
            throw Field.KEY_TYPE.wrong();
        }
        return type;
    }

    private int pollSeconds() throws Failure {
        int seconds = Integer.parseInt(matching(Field.POLL_SECONDS, "[0-9]{1,5}"));
        if (seconds < 1 || seconds > MOST_POLL_SECONDS) {
            throw Field.POLL_SECONDS.wrong();
        }
        return seconds;
    }
}
