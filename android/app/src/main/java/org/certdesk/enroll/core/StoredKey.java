package org.certdesk.enroll.core;

import org.json.JSONException;
import org.json.JSONObject;

/** A private key as it is kept: locked with the registration password, or sealed by the device until it is asked for. */
final class StoredKey {
    private static final byte[] NONE = {};

    /** EncryptedPrivateKeyInfo, DER; empty if the key is sealed. */
    final byte[] locked;
    /** The seal's own form; empty if the key is locked. */
    final byte[] sealed;

    private StoredKey(byte[] locked, byte[] sealed) {
        this.locked = locked;
        this.sealed = sealed;
    }

    static StoredKey locked(byte[] locked) {
        return new StoredKey(locked, NONE);
    }

    static StoredKey sealed(byte[] sealed) {
        return new StoredKey(NONE, sealed);
    }

    boolean isLocked() {
        return locked.length > 0;
    }

    JSONObject toJson() throws JSONException {
        return new JSONObject().put("locked", Base64Text.encode(locked)).put("sealed", Base64Text.encode(sealed));
    }

    static StoredKey fromJson(JSONObject json) throws JSONException {
        return new StoredKey(Enrollment.octets(json, "locked"), Enrollment.octets(json, "sealed"));
    }
}
