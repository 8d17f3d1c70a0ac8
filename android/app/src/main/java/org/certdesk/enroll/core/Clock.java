package org.certdesk.enroll.core;

/** The time, and its passing. */
public interface Clock {
    /** Returns milliseconds since 1970. */
    long now();

    /** Returns after so long. */
    void pause(long milliseconds) throws InterruptedException;
}
