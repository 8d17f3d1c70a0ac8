package org.certdesk.enroll.core;

/** The types of key that an organisation can ask for. */
public enum KeyType {
    EC_P256("EC P-256"),
    RSA_2048("RSA 2048"),
    RSA_3072("RSA 3072"),
    RSA_4096("RSA 4096"),
    ED25519("Ed25519");

    public final String label;

    KeyType(String label) {
        this.label = label;
    }

    /** Returns the type with this name in settings.xml, or null. */
    static KeyType of(String label) {
        for (KeyType type : values()) {
            if (type.label.equals(label)) {
                return type;
            }
        }
        return null;
    }
}
