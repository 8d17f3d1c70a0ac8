package org.certdesk.enroll.core;

import java.text.Normalizer;

/** What text for people may hold, and its one spelling; as {@code certdesk.domain.characters} and {@code policy.fields}. */
public final class Characters {
    private Characters() {}

    /** Returns the first character that is invisible or changes how others read, as {@code U+202E}, or null. */
    public static String refused(String text) {
        for (int at = 0; at < text.length(); ) {
            int character = text.codePointAt(at);
            if (isRefused(character)) {
                return String.format((java.util.Locale) null, "U+%04X", character);
            }
            at += Character.charCount(character);
        }
        return null;
    }

    private static boolean isRefused(int character) {
        switch (Character.getType(character)) {
            case Character.CONTROL:
            case Character.FORMAT:
            case Character.SURROGATE:
            case Character.LINE_SEPARATOR:
            case Character.PARAGRAPH_SEPARATOR:
                return true;
            default:
                // The 66 code points that never will be characters (Unicode §23.7).
                return (character & 0xFFFE) == 0xFFFE || (character >= 0xFDD0 && character <= 0xFDEF);
        }
    }

    /** Returns text in NFC, without white space at its ends, and with U+0020 for every kind of space within. */
    public static String line(String text) {
        return strip(Normalizer.normalize(plainSpaces(text), Normalizer.Form.NFC));
    }

    /** Returns {@link #line} of a text that may have been typed in several lines. */
    public static String lines(String text) {
        return line(text.replaceAll("[\t\r\n]+", " "));
    }

    /** Returns the text with U+0020 for every kind of space (category Zs). */
    static String plainSpaces(String text) {
        StringBuilder plain = new StringBuilder(text.length());
        for (int at = 0; at < text.length(); at++) {
            char character = text.charAt(at); // every space is in the basic plane
            plain.append(Character.getType(character) == Character.SPACE_SEPARATOR ? ' ' : character);
        }
        return plain.toString();
    }

    /** Removes what XML calls white space (§2.3) from both ends. */
    static String strip(String text) {
        int from = 0;
        int to = text.length();
        while (from < to && isWhite(text.charAt(from))) {
            from++;
        }
        while (to > from && isWhite(text.charAt(to - 1))) {
            to--;
        }
        return text.substring(from, to);
    }

    private static boolean isWhite(char character) {
        return character == ' ' || character == '\t' || character == '\r' || character == '\n';
    }

    /** Returns foreign text with everything invisible turned into a space, cut to what a screen can take. */
    public static String printable(String unverifiedText) {
        StringBuilder clean = new StringBuilder();
        for (int at = 0; at < unverifiedText.length() && clean.length() < 2000; ) {
            int character = unverifiedText.codePointAt(at);
            clean.appendCodePoint(isRefused(character) ? ' ' : character);
            at += Character.charCount(character);
        }
        return clean.toString().trim();
    }

    static int length(String text) {
        return text.codePointCount(0, text.length());
    }
}
