package org.certdesk.enroll.core;

import java.net.IDN;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What the desk's policy will say of a form, said before it is sent: {@code certdesk.policy.fields} and {@code contact}.
 *
 * <p>The desk has the last word; what it says more (internationalised domains above all) is shown at the field too.
 */
public final class FormCheck {
    /** What can be wrong; the sentence is the string resource {@code problem_} and the name in lower case. */
    public enum Problem { REQUIRED, TOO_LONG, CHARACTER, EMAIL, PHONE }

    /** A problem with the values of its sentence. */
    public static final class Finding {
        public final Problem problem;
        public final Object[] values;

        Finding(Problem problem, Object... values) {
            this.problem = problem;
            this.values = values;
        }
    }

    private static final int LONGEST_PLACE = 128; // RFC 5280 appendix A.1
    private static final int LONGEST_DESCRIPTION = 1000;
    private static final int LONGEST_EMAIL = 254; // RFC 5321 §4.5.3.1.3
    private static final int LONGEST_LOCAL_PART = 64;
    private static final int LONGEST_HOST = 253;
    private static final String ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
    private static final Pattern LOCAL_PART = Pattern.compile(ATOM + "(\\." + ATOM + ")*");
    private static final String LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
    private static final Pattern HOST = Pattern.compile("(" + LABEL + "\\.)+" + LABEL);
    private static final Pattern PHONE = Pattern.compile("\\+[1-9][0-9]{6,14}"); // E.164 §6
    private static final String PHONE_PUNCTUATION = "[\\s\\u0085\\u001C-\\u001F\\u00A0\\u1680\\u2000-\\u200A\\u2028"
            + "\\u2029\\u202F\\u205F\\u3000.()/\\u2010-\\u2015-]+";

    private FormCheck() {}

    /** Returns the form in the one spelling that is judged and sent. */
    public static Form normalise(Form form) {
        Map<Form.Field, String> texts = new EnumMap<>(Form.Field.class);
        texts.put(Form.Field.STATE_OR_PROVINCE, Characters.line(form.get(Form.Field.STATE_OR_PROVINCE)));
        texts.put(Form.Field.LOCALITY, Characters.line(form.get(Form.Field.LOCALITY)));
        texts.put(Form.Field.EMAIL, normalEmail(form.get(Form.Field.EMAIL)));
        texts.put(Form.Field.PHONE, normalPhone(form.get(Form.Field.PHONE)));
        texts.put(Form.Field.DESCRIPTION, Characters.lines(form.get(Form.Field.DESCRIPTION)));
        return new Form(texts);
    }

    /** Returns what speaks against a normalised form, field by field; nothing is left out but what is right. */
    public static Map<Form.Field, Finding> judge(Form form) {
        Map<Form.Field, Finding> findings = new EnumMap<>(Form.Field.class);
        for (Form.Field field : Form.Field.values()) {
            Finding finding = judge(field, form.get(field));
            if (finding != null) {
                findings.put(field, finding);
            }
        }
        return findings;
    }

    private static Finding judge(Form.Field field, String text) {
        switch (field) {
            case EMAIL:
                return text.isEmpty() || isEmail(text) ? required(text) : new Finding(Problem.EMAIL);
            case PHONE:
                return text.isEmpty() || PHONE.matcher(text).matches() ? required(text) : new Finding(Problem.PHONE);
            case DESCRIPTION:
                return judgeText(text, LONGEST_DESCRIPTION);
            default:
                return judgeText(text, LONGEST_PLACE);
        }
    }

    private static Finding required(String text) {
        return text.isEmpty() ? new Finding(Problem.REQUIRED) : null;
    }

    private static Finding judgeText(String text, int most) {
        if (text.isEmpty()) {
            return new Finding(Problem.REQUIRED);
        }
        int length = Characters.length(text);
        if (length > most) {
            return new Finding(Problem.TOO_LONG, most, length);
        }
        String refused = Characters.refused(text);
        return refused == null ? null : new Finding(Problem.CHARACTER, refused);
    }

    private static String normalEmail(String address) {
        String stripped = stripUnicode(address);
        int at = stripped.lastIndexOf('@');
        return stripped.substring(0, at + 1) + normalHost(stripped.substring(at + 1));
    }

    private static String normalHost(String host) {
        String name = stripUnicode(host).toLowerCase(Locale.ROOT);
        if (!name.matches("\\p{ASCII}*") && name.length() <= LONGEST_HOST) {
            try {
                name = IDN.toASCII(name).toLowerCase(Locale.ROOT);
            } catch (IllegalArgumentException unencodable) {
                return name; // the judgement refuses it
            }
        }
        return name.matches(".*\\w\\.") ? name.substring(0, name.length() - 1) : name;
    }

    private static String stripUnicode(String text) {
        return Characters.strip(Characters.plainSpaces(text));
    }

    private static String normalPhone(String number) {
        String digits = number.replace("(0)", "").replaceAll(PHONE_PUNCTUATION, "");
        return digits.startsWith("00") ? "+" + digits.substring(2) : digits;
    }

    private static boolean isEmail(String address) {
        int at = address.lastIndexOf('@');
        return at > 0
                && at <= LONGEST_LOCAL_PART
                && address.length() <= LONGEST_EMAIL
                && LOCAL_PART.matcher(address.substring(0, at)).matches()
                && isHost(address.substring(at + 1));
    }

    private static boolean isHost(String host) {
        if (host.length() > LONGEST_HOST || !HOST.matcher(host).matches()) {
            return false;
        }
        for (String label : host.split("\\.")) {
            if (label.startsWith("--", 2) && !isALabel(label)) {
                return false;
            }
        }
        // RFC 3696 §2: or it could be read as an IPv4 address.
        return !host.substring(host.lastIndexOf('.') + 1).matches("[0-9]+");
    }

    private static boolean isALabel(String label) {
        try {
            String unicode = IDN.toUnicode(label);
            return !unicode.equals(label) && IDN.toASCII(unicode).equals(label);
        } catch (IllegalArgumentException invalid) {
            return false;
        }
    }
}
