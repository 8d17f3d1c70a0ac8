package org.certdesk.enroll.core;

import org.json.JSONException;
import org.json.JSONObject;

/** An order that the desk has acknowledged, and what it last said of it. */
public final class Requested {
    final Order order;
    public final String id;
    public final RequestStatus status;
    public final String verificationCode;
    /** The rejecter's, word for word. */
    public final String reason;
    public final String lapsesAt;
    public final String supersededBy;

    Requested(
            Order order,
            String id,
            RequestStatus status,
            String verificationCode,
            String reason,
            String lapsesAt,
            String supersededBy) {
        this.order = order;
        this.id = id;
        this.status = status;
        this.verificationCode = verificationCode;
        this.reason = reason;
        this.lapsesAt = lapsesAt;
        this.supersededBy = supersededBy;
    }

    public Form form() {
        return order.form;
    }

    Requested withOrder(Order changed) {
        return new Requested(changed, id, status, verificationCode, reason, lapsesAt, supersededBy);
    }

    JSONObject toJson() throws JSONException {
        return new JSONObject()
                .put("order", order.toJson())
                .put("id", id)
                .put("status", status.name())
                .put("verification_code", verificationCode)
                .put("reason", reason)
                .put("lapses_at", lapsesAt)
                .put("superseded_by", supersededBy);
    }

    static Requested fromJson(JSONObject json) throws JSONException {
        return new Requested(
                Order.fromJson(json.getJSONObject("order")),
                json.getString("id"),
                RequestStatus.valueOf(json.getString("status")),
                json.getString("verification_code"),
                json.getString("reason"),
                json.getString("lapses_at"),
                json.getString("superseded_by"));
    }
}
