package org.certdesk.enroll.core;

import org.certdesk.enroll.core.Failure.Reason;
import org.json.JSONException;
import org.json.JSONObject;

/** What the desk says of a request: read, not yet believed. */
final class DeskAnswer {
    final String id;
    final String organisation;
    final String kind;
    final RequestStatus status;
    final String verificationCode;
    final String reason;
    final String lapsesAt;
    final String supersededBy;
    /** PEM; empty unless issued. */
    final String certificate;
    final String chain;
    final int retryAfter;

    private DeskAnswer(JSONObject document, int retryAfter) throws JSONException, Failure {
        id = required(document, "id");
        organisation = required(document, "organisation");
        kind = required(document, "kind");
        status = RequestStatus.of(required(document, "status"));
        verificationCode = required(document, "verification_code");
        reason = Characters.printable(optional(document, "reason"));
        lapsesAt = Characters.printable(optional(document, "lapses_at"));
        supersededBy = Characters.printable(optional(document, "superseded_by"));
        JSONObject issued = document.optJSONObject("certificate");
        certificate = issued == null ? "" : required(issued, "pem");
        chain = optional(document, "chain");
        this.retryAfter = retryAfter;
        if (status == null || !id.matches("[A-Z0-9]{2,12}-[0-9A-Z]{4}-[0-9A-Z]{4}")) {
            throw new JSONException("no request");
        }
    }

    static DeskAnswer read(Exchange.Reply reply) throws Failure {
        try {
            return new DeskAnswer(new JSONObject(reply.text()), reply.retryAfter);
        } catch (JSONException foreign) {
            throw new Failure(Reason.FOREIGN_ANSWER, reply.status).causedBy(foreign);
        }
    }

    private static String required(JSONObject document, String name) throws JSONException {
        Object value = document.get(name);
        if (!(value instanceof String)) {
            throw new JSONException(name);
        }
        return (String) value;
    }

    private static String optional(JSONObject document, String name) throws JSONException {
        return document.isNull(name) ? "" : required(document, name);
    }
}
