package org.certdesk.enroll.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.certdesk.enroll.AndroidTest;
import org.certdesk.enroll.Sentences;
import org.certdesk.enroll.core.Failure.Reason;
import org.junit.Test;
import org.robolectric.RuntimeEnvironment;

/** Settings files: good ones are read, and of a bad one a clear sentence says what is wrong with it. */
public class SettingsFileTest extends AndroidTest {
    /** What the desk publishes is read. */
    @Test
    public void readsGoodOnes() throws Exception {
        Settings settings = SettingsFile.parse(BadSettings.good().getBytes(StandardCharsets.UTF_8));
        assertEquals("FRA1", settings.organisation);
        assertEquals("https://desk.example.org", settings.deskUrl);
        assertEquals("Lyon", settings.locality);
        assertEquals("", settings.stateOrProvince);
        assertEquals(1, settings.trustAnchors.size());
        String decorated = "\uFEFF" + BadSettings.good()
                .replace("La Poste", "<!-- who --><![CDATA[La]]> Poste &amp; &#x43;ie<?pi?>")
                .replace("?>\n<settings", "?>\n<!-- c -->\n<settings");
        assertEquals("La Poste & Cie", SettingsFile.parse(decorated.getBytes(StandardCharsets.UTF_8)).name);
    }

    /** Each of them is told what is wrong with it, in both languages. */
    @Test
    public void tellsWhatIsWrong() throws Exception {
        Map<byte[], Reason> bad = BadSettings.all();
        for (String language : new String[] {"en", "fr"}) {
            RuntimeEnvironment.setQualifiers("+" + language);
            for (Map.Entry<byte[], Reason> each : bad.entrySet()) {
                String xml = new String(each.getKey(), StandardCharsets.UTF_8);
                String shown = xml.substring(0, Math.min(700, xml.length()));
                try {
                    SettingsFile.parse(each.getKey());
                    throw new AssertionError("was accepted, not " + each.getValue() + ": " + shown);
                } catch (Failure failure) {
                    assertEquals(shown, each.getValue(), failure.reason);
                    String sentence = Sentences.of(RuntimeEnvironment.getApplication(), failure);
                    assertTrue(sentence, sentence.length() > 20 && sentence.length() < 250);
                }
            }
        }
    }
}
