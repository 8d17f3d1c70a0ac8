package org.certdesk.enroll.core;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;

/** The rule of the registration password, which never leaves the device; as {@code certdesk.domain.passwords}. */
public final class Password {
    public static final int SHORTEST = 8;
    public static final int LONGEST = 1024;

    /** What a password can lack. */
    public enum Lack { LENGTH, BREVITY, LETTER, DIGIT, SPECIAL, TYPEABLE }

    private Password() {}

    /** Returns the form that keys are derived from (RFC 8265 §4.2), so that every keyboard's spelling opens them. */
    public static String prepare(String unverifiedPassword) {
        return Normalizer.normalize(Characters.plainSpaces(unverifiedPassword), Normalizer.Form.NFC);
    }

    /** Returns all that a prepared password lacks. */
    public static List<Lack> lacks(String password) {
        boolean letter = false;
        boolean digit = false;
        boolean special = false;
        boolean typeable = true;
        for (int at = 0; at < password.length(); ) {
            int character = password.codePointAt(at);
            int type = Character.getType(character);
            letter |= Character.isLetter(character);
            digit |= type == Character.DECIMAL_DIGIT_NUMBER;
            special |= isSpecial(type);
            typeable &= isTypeable(type);
            at += Character.charCount(character);
        }
        int length = Characters.length(password);
        List<Lack> lacks = new ArrayList<>();
        add(lacks, length >= SHORTEST, Lack.LENGTH);
        add(lacks, length <= LONGEST, Lack.BREVITY);
        add(lacks, letter, Lack.LETTER);
        add(lacks, digit, Lack.DIGIT);
        add(lacks, special, Lack.SPECIAL);
        add(lacks, typeable, Lack.TYPEABLE);
        return lacks;
    }

    private static void add(List<Lack> lacks, boolean held, Lack lack) {
        if (!held) {
            lacks.add(lack);
        }
    }

    /** Tells whether a category is punctuation, symbol or separator. */
    private static boolean isSpecial(int type) {
        switch (type) {
            case Character.CONNECTOR_PUNCTUATION:
            case Character.DASH_PUNCTUATION:
            case Character.START_PUNCTUATION:
            case Character.END_PUNCTUATION:
            case Character.INITIAL_QUOTE_PUNCTUATION:
            case Character.FINAL_QUOTE_PUNCTUATION:
            case Character.OTHER_PUNCTUATION:
            case Character.MATH_SYMBOL:
            case Character.CURRENCY_SYMBOL:
            case Character.MODIFIER_SYMBOL:
            case Character.OTHER_SYMBOL:
            case Character.SPACE_SEPARATOR:
            case Character.LINE_SEPARATOR:
            case Character.PARAGRAPH_SEPARATOR:
                return true;
            default:
                return false;
        }
    }

    private static boolean isTypeable(int type) {
        switch (type) {
            case Character.CONTROL:
            case Character.FORMAT:
            case Character.SURROGATE:
            case Character.PRIVATE_USE:
            case Character.UNASSIGNED:
                return false;
            default:
                return true;
        }
    }
}
