package org.certdesk.enroll.core;

import java.util.Locale;

/** Where the desk says that a request stands. */
public enum RequestStatus {
    REQUESTED, APPROVED, ISSUED, REJECTED, CANCELLED, LAPSED;

    /** Tells whether there is nothing to do but to come back later. */
    public boolean isPending() {
        return this == REQUESTED || this == APPROVED;
    }

    /** Tells whether a certificate is, or may be, the outcome. */
    public boolean isOpen() {
        return isPending() || this == ISSUED;
    }

    static RequestStatus of(String name) {
        for (RequestStatus status : values()) {
            if (status.name().toLowerCase(Locale.ROOT).equals(name)) {
                return status;
            }
        }
        return null;
    }
}
