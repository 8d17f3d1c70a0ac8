package org.certdesk.enroll.core;

import java.util.Collections;
import java.util.List;

/** The contents of settings.xml; see {@code certdesk.wire.settings}. */
public final class Settings {
    public final String organisation;
    public final String name;
    /** ISO 3166-1 alpha-2. */
    public final String country;
    /** Where the API begins, without a slash at its end. */
    public final String deskUrl;
    /** DER certificates that the device's certificate must chain to. */
    public final List<byte[]> trustAnchors;
    public final KeyType keyType;
    public final String stateOrProvince;
    public final String locality;
    public final String supportContact;
    public final int pollSeconds;

    Settings(
            String organisation,
            String name,
            String country,
            String deskUrl,
            List<byte[]> trustAnchors,
            KeyType keyType,
            String stateOrProvince,
            String locality,
            String supportContact,
            int pollSeconds) {
        this.organisation = organisation;
        this.name = name;
        this.country = country;
        this.deskUrl = deskUrl;
        this.trustAnchors = Collections.unmodifiableList(trustAnchors);
        this.keyType = keyType;
        this.stateOrProvince = stateOrProvince;
        this.locality = locality;
        this.supportContact = supportContact;
        this.pollSeconds = pollSeconds;
    }
}
