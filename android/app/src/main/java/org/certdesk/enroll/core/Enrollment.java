package org.certdesk.enroll.core;

import java.nio.charset.Charset;
import org.certdesk.enroll.core.Failure.Reason;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Everything that is remembered between two runs: one value, written as one file.
 *
 * <pre>
 *   spare      the key pair that the next request is for
 *   prepared   an order that the desk may or may not have heard of
 *   requested  an order that it has acknowledged
 *   issued     the certificate in force
 *   successor  its renewal, until the registration password has been entered to install it
 * </pre>
 *
 * <p>Each step makes a new value that is saved in one write, so that a kill at any moment leaves one of the values and
 * never something between.
 */
public final class Enrollment {
    /** Where it stands, which decides what the screen shows. */
    public enum Stage { SETTINGS, FORM, UNSENT, PENDING, DECLINED, INSTALL, ENROLLED }

    private static final int VERSION = 1;

    public final String settingsUrl;
    final String settingsXml;
    /** Whether the system's certification authorities vouch for the desk too, beside the settings' trust anchors. */
    final boolean trustSystem;
    final byte[] spareCsr;
    final StoredKey spareKey;
    /** What has been typed so far; null if nothing. */
    public final Form draft;
    final Order prepared;
    public final Requested requested;
    public final Issued issued;
    public final Issued successor;

    private Enrollment(Builder builder) {
        settingsUrl = builder.settingsUrl;
        settingsXml = builder.settingsXml;
        trustSystem = builder.trustSystem;
        spareCsr = builder.spareCsr;
        spareKey = builder.spareKey;
        draft = builder.draft;
        prepared = builder.prepared;
        requested = builder.requested;
        issued = builder.issued;
        successor = builder.successor;
    }

    static Enrollment empty() {
        return new Builder().build();
    }

    Builder change() {
        return new Builder(this);
    }

    public Stage stage() {
        if (spareKey == null && issued == null) {
            return Stage.SETTINGS;
        }
        if (successor != null || (issued != null && issued.installedAt == 0)) {
            return Stage.INSTALL;
        }
        if (issued != null) {
            return Stage.ENROLLED;
        }
        if (prepared != null) {
            return Stage.UNSENT;
        }
        if (requested == null) {
            return Stage.FORM;
        }
        return requested.status.isOpen() ? Stage.PENDING : Stage.DECLINED;
    }

    /** Returns the certificate that waits for the password, or the one in force. */
    public Issued newest() {
        return successor == null ? issued : successor;
    }

    /** Returns the settings; fails if there are none. */
    public Settings settings() throws Failure {
        return SettingsFile.parse(settingsXml.getBytes(Charset.forName("UTF-8")));
    }

    /** Returns what the form shows when it is opened. */
    public Form form() throws Failure {
        if (draft != null) {
            return draft;
        }
        return requested == null ? Form.proposed(settings()) : requested.form();
    }

    /** Returns what was sent, or is about to be. */
    public Form sent() {
        return prepared != null ? prepared.form : requested == null ? draft : requested.form();
    }

    String toJson() {
        try {
            return new JSONObject()
                    .put("version", VERSION)
                    .put("settings_url", settingsUrl)
                    .put("settings_xml", settingsXml)
                    .put("trust_system", trustSystem)
                    .put("spare_csr", Base64Text.encode(spareCsr))
                    .put("spare_key", spareKey == null ? JSONObject.NULL : spareKey.toJson())
                    .put("draft", draft == null ? JSONObject.NULL : draft.toJson())
                    .put("prepared", prepared == null ? JSONObject.NULL : prepared.toJson())
                    .put("requested", requested == null ? JSONObject.NULL : requested.toJson())
                    .put("issued", issued == null ? JSONObject.NULL : issued.toJson())
                    .put("successor", successor == null ? JSONObject.NULL : successor.toJson())
                    .toString();
        } catch (JSONException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    static Enrollment fromJson(String stored) throws Failure {
        try {
            JSONObject json = new JSONObject(stored);
            if (json.getInt("version") > VERSION) {
                throw new Failure(Reason.DAMAGED);
            }
            Builder builder = new Builder();
            builder.settingsUrl = json.getString("settings_url");
            builder.settingsXml = json.getString("settings_xml");
            builder.trustSystem = json.getBoolean("trust_system");
            builder.spareCsr = octets(json, "spare_csr");
            builder.spareKey = json.isNull("spare_key") ? null : StoredKey.fromJson(json.getJSONObject("spare_key"));
            builder.draft = json.isNull("draft") ? null : Form.fromJson(json.getJSONObject("draft"));
            builder.prepared = json.isNull("prepared") ? null : Order.fromJson(json.getJSONObject("prepared"));
            builder.requested = json.isNull("requested") ? null : Requested.fromJson(json.getJSONObject("requested"));
            builder.issued = json.isNull("issued") ? null : Issued.fromJson(json.getJSONObject("issued"));
            builder.successor = json.isNull("successor") ? null : Issued.fromJson(json.getJSONObject("successor"));
            return builder.build();
        } catch (JSONException | RuntimeException damaged) {
            throw new Failure(Reason.DAMAGED).causedBy(damaged);
        }
    }

    static byte[] octets(JSONObject json, String name) throws JSONException {
        String text = json.getString(name);
        return text.isEmpty() ? new byte[0] : Base64Text.decode(text);
    }

    /** A next value in the making. */
    static final class Builder {
        String settingsUrl = "";
        String settingsXml = "";
        boolean trustSystem;
        byte[] spareCsr = {};
        StoredKey spareKey;
        Form draft;
        Order prepared;
        Requested requested;
        Issued issued;
        Issued successor;

        Builder() {}

        Builder(Enrollment before) {
            settingsUrl = before.settingsUrl;
            settingsXml = before.settingsXml;
            trustSystem = before.trustSystem;
            spareCsr = before.spareCsr;
            spareKey = before.spareKey;
            draft = before.draft;
            prepared = before.prepared;
            requested = before.requested;
            issued = before.issued;
            successor = before.successor;
        }

        Enrollment build() {
            return new Enrollment(this);
        }
    }
}
