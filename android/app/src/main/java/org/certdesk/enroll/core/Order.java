package org.certdesk.enroll.core;

import org.json.JSONException;
import org.json.JSONObject;

/** A key and what is needed to ask for its certificate, as often as it takes. */
public final class Order {
    /** DER. */
    final byte[] csr;
    final StoredKey key;
    /** 43 base64url characters; who knows them may collect. */
    final String claim;
    /** What was filled in; for a renewal, nothing. */
    final Form form;
    /** Serial number, hexadecimal, of the certificate to renew; empty for a first request. */
    final String renews;
    /** The old key's signature over the renewal, base64. */
    final String proof;

    Order(byte[] csr, StoredKey key, String claim, Form form, String renews, String proof) {
        this.csr = csr;
        this.key = key;
        this.claim = claim;
        this.form = form;
        this.renews = renews;
        this.proof = proof;
    }

    boolean isRenewal() {
        return !renews.isEmpty();
    }

    Order withKey(StoredKey changed) {
        return new Order(csr, changed, claim, form, renews, proof);
    }

    JSONObject toJson() throws JSONException {
        return new JSONObject()
                .put("csr", Base64Text.encode(csr))
                .put("key", key.toJson())
                .put("claim", claim)
                .put("form", form.toJson())
                .put("renews", renews)
                .put("proof", proof);
    }

    static Order fromJson(JSONObject json) throws JSONException {
        return new Order(
                Base64Text.decode(json.getString("csr")),
                StoredKey.fromJson(json.getJSONObject("key")),
                json.getString("claim"),
                Form.fromJson(json.getJSONObject("form")),
                json.getString("renews"),
                json.getString("proof"));
    }
}
