package org.certdesk.enroll;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;

import android.content.Context;
import android.content.res.Configuration;
import java.lang.reflect.Field;
import java.util.Locale;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.certdesk.enroll.core.Failure;
import org.certdesk.enroll.core.FormCheck;
import org.certdesk.enroll.core.Password;
import org.junit.Test;
import org.robolectric.RuntimeEnvironment;

/** Every sentence is there in both languages, with the same values in it. */
public class SentencesTest extends AndroidTest {
    private static final Pattern PLACEHOLDER = Pattern.compile("%\\d\\$[sd]");

    private static Context in(String language) {
        Configuration configuration = new Configuration();
        configuration.setLocale(new Locale(language));
        return RuntimeEnvironment.getApplication().createConfigurationContext(configuration);
    }

    private static TreeSet<String> placeholders(String text) {
        TreeSet<String> found = new TreeSet<>();
        for (Matcher matcher = PLACEHOLDER.matcher(text); matcher.find(); ) {
            found.add(matcher.group());
        }
        return found;
    }

    /** No string is left in English on a French device. */
    @Test
    public void isTranslated() throws Exception {
        TreeSet<String> same = new TreeSet<>();
        for (Field string : R.string.class.getFields()) {
            int id = string.getInt(null);
            String english = in("en").getString(id);
            String french = in("fr").getString(id);
            assertEquals(string.getName(), placeholders(english), placeholders(french));
            if (english.equals(french)) {
                same.add(string.getName());
            }
        }
        same.removeAll(java.util.Arrays.asList(
                "app_name", "organisation", "description", "phone_hint", "settings_url_hint"));
        assertEquals(new TreeSet<String>(), same);
    }

    /** Whatever the core says has a sentence. */
    @Test
    public void isComplete() {
        Context context = in("fr");
        for (Failure.Reason reason : Failure.Reason.values()) {
            exists(context, "failure_", reason);
        }
        for (FormCheck.Problem problem : FormCheck.Problem.values()) {
            exists(context, "problem_", problem);
        }
        for (Password.Lack lack : Password.Lack.values()) {
            exists(context, "lack_", lack);
        }
    }

    private static void exists(Context context, String prefix, Enum<?> name) {
        String resource = prefix + name.name().toLowerCase(Locale.ROOT);
        int id = context.getResources().getIdentifier(resource, "string", context.getPackageName());
        assertNotEquals(resource, 0, id);
        assertFalse(resource, context.getString(id).isEmpty());
    }
}
