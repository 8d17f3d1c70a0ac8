package org.certdesk.enroll.core;

import java.net.URI;
import java.nio.charset.Charset;
import java.util.EnumMap;
import java.util.Map;
import org.certdesk.enroll.core.Failure.Reason;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** The desk's API as the requester meets it; as {@code certdesk.client.desk}. */
final class Desk {
    private static final String ERROR_TYPE = "urn:certdesk:error:";

    private final String base;
    private final Exchange exchange;

    Desk(String base, Exchange exchange) {
        this.base = base;
        this.exchange = exchange;
    }

    DeskAnswer submit(JSONObject body) throws Failure {
        return DeskAnswer.read(post("/api/v1/requests", body, ""));
    }

    DeskAnswer renew(String serialNumber, JSONObject body) throws Failure {
        return DeskAnswer.read(post("/api/v1/certificates/" + serialNumber + "/renew", body, ""));
    }

    DeskAnswer look(String requestId, String claim) throws Failure {
        URI uri = URI.create(base + "/api/v1/requests/" + requestId);
        return DeskAnswer.read(checked(exchange.get(uri, "application/json", claim)));
    }

    void installed(String requestId, String claim) throws Failure {
        post("/api/v1/requests/" + requestId + "/installed", null, claim);
    }

    private Exchange.Reply post(String path, JSONObject body, String claim) throws Failure {
        byte[] json = body == null ? new byte[0] : body.toString().getBytes(Charset.forName("UTF-8"));
        return checked(exchange.post(URI.create(base + path), json, claim));
    }

    private static Exchange.Reply checked(Exchange.Reply reply) throws Failure {
        if (reply.status == 200 || reply.status == 201 || reply.status == 202) {
            return reply;
        }
        if (reply.status >= 300 && reply.status < 400) {
            throw new Failure(Reason.SENT_ELSEWHERE, Characters.printable(String.valueOf(reply.location)));
        }
        throw failure(reply);
    }

    /** Returns the failure that a problem document (RFC 9457) describes, or that of an answer which is not the desk's. */
    private static Failure failure(Exchange.Reply reply) {
        JSONObject problem;
        try {
            problem = new JSONObject(reply.text());
        } catch (JSONException foreign) {
            return new Failure(Reason.FOREIGN_ANSWER, reply.status).causedBy(foreign);
        }
        if (!problem.optString("type").startsWith(ERROR_TYPE)) {
            return new Failure(Reason.FOREIGN_ANSWER, reply.status);
        }
        String detail = Characters.printable(problem.optString("detail", problem.optString("title")));
        if (reply.status == 429 || reply.status == 503) {
            return new Failure(Reason.BUSY, detail);
        }
        return reply.status >= 500
                ? new Failure(Reason.DESK_DEFECT, detail)
                : new Failure(Reason.REFUSED, fields(problem.optJSONArray("errors")), detail);
    }

    private static Map<Form.Field, String> fields(JSONArray errors) {
        Map<Form.Field, String> fields = new EnumMap<>(Form.Field.class);
        for (int at = 0; errors != null && at < errors.length(); at++) {
            JSONObject error = errors.optJSONObject(at);
            Form.Field field = error == null ? null : Form.Field.of(error.optString("field"));
            if (field != null) {
                fields.put(field, Characters.printable(error.optString("detail")));
            }
        }
        return fields;
    }
}
