package org.certdesk.enroll.core;

import java.util.EnumMap;
import java.util.Map;
import org.json.JSONException;
import org.json.JSONObject;

/** What the requester fills in; the country is the settings'. */
public final class Form {
    /** A field, with its path in the API, by which the desk's complaints find their place. */
    public enum Field {
        STATE_OR_PROVINCE("location.state_or_province"),
        LOCALITY("location.locality"),
        EMAIL("contact.email"),
        PHONE("contact.phone"),
        DESCRIPTION("description");

        public final String path;

        Field(String path) {
            this.path = path;
        }

        static Field of(String path) {
            for (Field field : values()) {
                if (field.path.equals(path)) {
                    return field;
                }
            }
            return null;
        }
    }

    private final Map<Field, String> texts = new EnumMap<>(Field.class);

    public Form(Map<Field, String> texts) {
        for (Field field : Field.values()) {
            String text = texts.get(field);
            this.texts.put(field, text == null ? "" : text);
        }
    }

    /** Returns the form before anybody has typed: with what the settings propose. */
    public static Form proposed(Settings settings) {
        Map<Field, String> texts = new EnumMap<>(Field.class);
        texts.put(Field.STATE_OR_PROVINCE, settings.stateOrProvince);
        texts.put(Field.LOCALITY, settings.locality);
        return new Form(texts);
    }

    public String get(Field field) {
        return texts.get(field);
    }

    JSONObject toJson() throws JSONException {
        JSONObject json = new JSONObject();
        for (Map.Entry<Field, String> entry : texts.entrySet()) {
            json.put(entry.getKey().path, entry.getValue());
        }
        return json;
    }

    static Form fromJson(JSONObject json) {
        Map<Field, String> texts = new EnumMap<>(Field.class);
        for (Field field : Field.values()) {
            texts.put(field, json.optString(field.path));
        }
        return new Form(texts);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Form && ((Form) other).texts.equals(texts);
    }

    @Override
    public int hashCode() {
        return texts.hashCode();
    }
}
