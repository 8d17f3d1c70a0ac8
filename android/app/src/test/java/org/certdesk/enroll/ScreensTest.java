package org.certdesk.enroll;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import android.text.Layout;
import android.view.View;
import android.view.ViewGroup;
import android.widget.EditText;
import android.widget.ScrollView;
import android.widget.TextView;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.json.JSONObject;
import org.junit.Rule;
import org.junit.Test;
import org.robolectric.annotation.GraphicsMode;
import org.robolectric.shadows.ShadowBuild;

/** Every screen, drawn in both languages, light and dark, from the smallest scanner to a tablet, and looked over. */
@GraphicsMode(GraphicsMode.Mode.NATIVE)
public class ScreensTest extends AndroidTest {
    private static final String[] LANGUAGES = {"en-rGB", "fr-rFR"};
    private static final String[] THEMES = {"notnight", "night"};
    private static final String PHONE = "%s-ldltr-sw360dp-w360dp-h740dp-%s-mdpi";
    private static final String TABLET = "%s-ldltr-sw800dp-w800dp-h1100dp-%s-ldpi";
    /** A scanner of 4.3 inches, in the language of the longer words. */
    private static final String SMALL = "fr-rFR-ldltr-sw320dp-w320dp-h533dp-notnight-mdpi";
    /** A language that is written from right to left; the sentences stay English. */
    private static final String FROM_RIGHT = "ar-rEG-ldrtl-sw360dp-w360dp-h740dp-notnight-mdpi";
    /** What neither a screenshot nor the list of recent apps may show. */
    private static final Set<String> SECRET =
            Set.of("settings", "settings-problems", "install", "renewal", "password");
    /** Where the pictures go; nowhere if it is empty. */
    private static final String FOLDER = System.getProperty("screenshots");

    @Rule
    public final CrookedDesk desk = new CrookedDesk();

    private final Phone phone = new Phone();

    /** Goes the whole way, and draws at every step. */
    @Test
    public void draws() throws Exception {
        ShadowBuild.setManufacturer("Zebra");
        ShadowBuild.setModel("TC26");
        phone.start();
        draw("settings");
        phone.type(R.id.url, "https://desk.example.org/settings/FRA1.xml").type(R.id.password, "counter");
        draw("settings-problems", R.id.go_on);
        Steps.settings(phone, desk.settingsUrl());
        draw("conditions");
        TestApplication.screenLock = false;
        TestApplication.rootSigns.add("/system/xbin/su");
        draw("conditions-not-met");
        TestApplication.reset();
        phone.awayAndBack().tap(R.id.go_on);
        draw("request");
        Steps.form(phone, "Jeanne Dupont, Lyon Bellecour, scanner 7");
        phone.type(R.id.email, "jeanne@").type(R.id.locality, "");
        draw("request-problems", R.id.submit);
        Steps.form(phone, "Jeanne Dupont, Lyon Bellecour, scanner 7");
        phone.tap(R.id.submit);
        draw("confirmation");
        desk.twist = (exchange, status, truth) -> CrookedDesk.send(exchange, 502, "");
        phone.tap(R.id.send);
        draw("unsent");
        desk.twist = null;
        phone.tap(R.id.check);
        draw("pending");
        desk.outcome = new JSONObject()
                .put("status", "rejected")
                .put("reason", "This scanner belongs to Lyon Part-Dieu: please ask your manager there.");
        phone.tap(R.id.check);
        draw("rejected");
        desk.outcome = new JSONObject();
        phone.tap(R.id.new_request).tap(R.id.submit).tap(R.id.send);
        desk.issueProperly(-300, 65);
        phone.tap(R.id.check);
        draw("install");
        Steps.install(phone);
        draw("certificate");
        TestApplication.ahead = 50L * 24 * 60 * 60 * 1000;
        draw("certificate-expiring");
        phone.tap(R.id.renew);
        draw("renewal");
        phone.back().tap(R.id.change_password);
        draw("password");
        Steps.damage();
        phone.awayAndBack();
        draw("damaged");
    }

    private void draw(String name) throws IOException {
        draw(name, 0);
    }

    /** Draws a screen in every way, each time after a button has been tapped if there is one to tap. */
    private void draw(String name, int button) throws IOException {
        assertEquals(name, SECRET.contains(name), phone.isSecure());
        List<List<BufferedImage>> others = new ArrayList<>();
        others.add(new ArrayList<>());
        for (String theme : THEMES) {
            List<BufferedImage> tablets = new ArrayList<>();
            for (String language : LANGUAGES) {
                BufferedImage picture = picture(name, button, String.format(PHONE, language, theme));
                if (theme.equals("night")) {
                    others.get(0).add(picture);
                } else {
                    save(picture, name + "-" + language.substring(0, 2));
                }
                tablets.add(picture(name, button, String.format(TABLET, language, theme)));
            }
            others.add(tablets);
        }
        others.get(0).add(picture(name, button, FROM_RIGHT));
        others.get(0).add(picture(name, button, SMALL));
        save(Pictures.sheet(others), name + "-others");
        phone.configure(String.format(PHONE, LANGUAGES[0], THEMES[0]));
    }

    private BufferedImage picture(String name, int button, String qualifiers) {
        phone.configure(qualifiers);
        if (button != 0) {
            phone.tap(button);
        }
        View view = whole();
        look(name + " " + qualifiers, view);
        view.clearFocus();
        BufferedImage picture = Pictures.of(view);
        assertTrue("nothing was drawn of " + name, picture.getRGB(5, 5) != 0);
        return picture;
    }

    private static void save(BufferedImage picture, String name) throws IOException {
        if (!FOLDER.isEmpty()) {
            Pictures.save(picture, new File(FOLDER, name + ".png"));
        }
    }

    private View whole() {
        View decor = phone.screen().getWindow().getDecorView();
        ScrollView scroll = (ScrollView) ((ViewGroup) phone.screen().findViewById(android.R.id.content)).getChildAt(0);
        int outside = decor.getHeight() - scroll.getHeight();
        int height = Math.max(decor.getHeight(), scroll.getChildAt(0).getHeight() + outside);
        decor.measure(
                View.MeasureSpec.makeMeasureSpec(decor.getWidth(), View.MeasureSpec.EXACTLY),
                View.MeasureSpec.makeMeasureSpec(height, View.MeasureSpec.EXACTLY));
        decor.layout(0, 0, decor.getMeasuredWidth(), decor.getMeasuredHeight());
        return decor;
    }

    /** Looks the screen over: labels for a screen reader, room for a finger, and no text cut off. */
    private static void look(String name, View whole) {
        float density = whole.getResources().getDisplayMetrics().density;
        List<Integer> labelled = new ArrayList<>();
        List<View> views = new ArrayList<>();
        collect(whole.findViewById(android.R.id.content), views);
        for (View view : views) {
            labelled.add(view.getLabelFor());
        }
        for (View view : views) {
            String which = name + ": " + view;
            if (view instanceof EditText) {
                assertTrue(which + " has no label", labelled.contains(view.getId()));
            }
            if (view.isClickable() && !(view instanceof TextView && ((TextView) view).isTextSelectable())) {
                assertTrue(which + " is too small for a finger", view.getHeight() >= 48 * density - 1);
            }
            if (view instanceof TextView && ((TextView) view).getLayout() != null) {
                Layout layout = ((TextView) view).getLayout();
                for (int line = 0; line < layout.getLineCount(); line++) {
                    assertEquals(which + " is cut off", 0, layout.getEllipsisCount(line));
                }
                assertTrue(which + " does not fit", layout.getHeight() <= view.getHeight() || view instanceof EditText);
                assertTrue(which + " is empty", !(view.isClickable() && !(view instanceof EditText)
                        && ((TextView) view).getText().length() == 0));
            }
        }
    }

    private static void collect(View view, List<View> views) {
        if (view.getVisibility() != View.VISIBLE) {
            return;
        }
        views.add(view);
        if (view instanceof ViewGroup) {
            for (int at = 0; at < ((ViewGroup) view).getChildCount(); at++) {
                collect(((ViewGroup) view).getChildAt(at), views);
            }
        }
    }
}
