package org.certdesk.enroll.core;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Something that cannot go on, with the reason in a word and values for its sentence.
 *
 * <p>The sentence of a reason is the string resource {@code failure_} and its name in lower case; a test holds every
 * language to that.
 */
public final class Failure extends Exception {
    /** Why. */
    public enum Reason {
        SETTINGS_TOO_LARGE,
        SETTINGS_NOT_XML,
        SETTINGS_DOCTYPE,
        SETTINGS_ROOT,
        SETTINGS_VERSION,
        SETTINGS_UNKNOWN_FIELD,
        SETTINGS_FIELD_TWICE,
        SETTINGS_FIELD_MISSING,
        SETTINGS_ORGANISATION,
        SETTINGS_NAME,
        SETTINGS_COUNTRY,
        SETTINGS_DESK_URL,
        SETTINGS_TRUST_ANCHORS,
        SETTINGS_KEY_TYPE,
        SETTINGS_STATE_OR_PROVINCE,
        SETTINGS_LOCALITY,
        SETTINGS_SUPPORT_CONTACT,
        SETTINGS_POLL_SECONDS,
        SETTINGS_NOT_THERE,
        SETTINGS_OTHER_FINGERPRINT,
        URL,
        URL_NOT_HTTPS,
        UNREACHABLE,
        UNTRUSTED,
        CUT_OFF,
        TOO_LARGE,
        SENT_ELSEWHERE,
        FOREIGN_ANSWER,
        OTHER_REQUEST,
        REFUSED,
        BUSY,
        DESK_DEFECT,
        CERTIFICATE_UNREADABLE,
        CERTIFICATE_OTHER_KEY,
        CERTIFICATE_NOT_YET_VALID,
        CERTIFICATE_EXPIRED,
        CERTIFICATE_PURPOSE,
        CERTIFICATE_AUTHORITY,
        CERTIFICATE_UNTRUSTED,
        WRONG_PASSWORD,
        WAIT,
        KEY_LOCKED,
        STORAGE,
        DAMAGED,
        DEFECT
    }

    private static final long serialVersionUID = 1;

    public final transient Reason reason;
    public final transient Object[] values;
    /** What the desk has against which field of the form; empty unless it refused. */
    public final transient Map<Form.Field, String> fields;

    public Failure(Reason reason, Object... values) {
        this(reason, Collections.<Form.Field, String>emptyMap(), values);
    }

    public Failure(Reason reason, Map<Form.Field, String> fields, Object... values) {
        super(reason + Arrays.toString(values));
        this.reason = reason;
        this.values = values;
        this.fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
    }

    /** Adds what had been caught; its text may hold addresses, so it is for developers only. */
    public Failure causedBy(Throwable cause) {
        initCause(cause);
        return this;
    }
}
