package org.certdesk.enroll.core;

/** What this device says of itself with a request: reported, never proven. */
public interface DeviceReport {
    /** Returns the same name for this device every time it enrolls with an organisation, and another with another. */
    String id(String organisation);

    String model();

    /** Returns the system's name and version. */
    String platform();

    /** Tells whether a pattern, PIN or password locks the screen. */
    boolean hasScreenLock();

    /** Tells whether there are signs of rooting. */
    boolean isRooted();

    /** Returns this app's name and version. */
    String app();
}
