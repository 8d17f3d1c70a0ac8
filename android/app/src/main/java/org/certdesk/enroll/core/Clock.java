package org.certdesk.enroll.core;

/** Tells the time, in milliseconds since 1970-01-01T00:00:00Z. */
public interface Clock {
    long now();
}
