package org.certdesk.enroll.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeSet;
import org.certdesk.enroll.AndroidTest;
import org.json.JSONArray;
import org.json.JSONObject;
import org.junit.Test;

/** The app's checks are the desk's policy: a file says what the latter makes of some hundred inputs. */
public class FormCheckTest extends AndroidTest {
    private static JSONObject examples() throws Exception {
        return new JSONObject(new String(
                Files.readAllBytes(Paths.get(System.getProperty("policy.examples"))), StandardCharsets.UTF_8));
    }

    /** The same forms are accepted, in the same spelling, and the same fields are refused. */
    @Test
    public void judgesAsTheDesk() throws Exception {
        JSONArray forms = examples().getJSONArray("forms");
        assertTrue(forms.length() > 100);
        for (int at = 0; at < forms.length(); at++) {
            JSONObject example = forms.getJSONObject(at);
            Form form = FormCheck.normalise(Form.fromJson(example.getJSONObject("typed")));
            Map<Form.Field, FormCheck.Finding> findings = FormCheck.judge(form);
            TreeSet<String> refused = new TreeSet<>();
            for (Form.Field field : findings.keySet()) {
                refused.add(field.path);
            }
            TreeSet<String> expected = new TreeSet<>();
            for (int index = 0; index < example.getJSONArray("refused").length(); index++) {
                expected.add(example.getJSONArray("refused").getString(index));
            }
            assertEquals(example.toString(), expected, refused);
            if (expected.isEmpty()) {
                Map<Form.Field, String> texts = new EnumMap<>(Form.Field.class);
                for (Form.Field field : Form.Field.values()) {
                    texts.put(field, example.getJSONObject("normal").getString(field.path));
                }
                assertEquals(example.toString(), new Form(texts), form);
            }
        }
    }

    /** The same passwords are good enough, in the same form. */
    @Test
    public void judgesPasswordsAsTheDesk() throws Exception {
        JSONArray passwords = examples().getJSONArray("passwords");
        for (int at = 0; at < passwords.length(); at++) {
            JSONObject example = passwords.getJSONObject(at);
            String prepared = Password.prepare(example.getString("typed"));
            assertEquals(
                    example.toString(),
                    example.getInt("lacks"),
                    Password.lacks(prepared).size());
            assertEquals(example.getString("prepared"), prepared);
        }
    }
}
