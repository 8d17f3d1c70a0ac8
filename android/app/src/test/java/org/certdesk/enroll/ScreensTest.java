package org.certdesk.enroll;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import android.app.Activity;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.text.Layout;
import android.view.View;
import android.view.ViewGroup;
import android.widget.EditText;
import android.widget.ScrollView;
import android.widget.TextView;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.json.JSONObject;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.annotation.GraphicsMode;

/** Every screen, drawn: in both languages, light and dark, on phone and tablet; and looked over on the smallest. */
@RunWith(RobolectricTestRunner.class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
public class ScreensTest {
    private static final String[] LANGUAGES = {"en-rGB", "fr-rFR"};
    private static final String[] THEMES = {"notnight", "night"};
    private static final String PHONE = "sw360dp-w360dp-h740dp-%s-mdpi";
    private static final String TABLET = "sw800dp-w800dp-h1100dp-%s-ldpi";
    /** A scanner of 4.3 inches, and a language that is written from right to left. */
    private static final String SMALL = "ar-rEG-ldrtl-sw320dp-w320dp-h533dp-notnight-hdpi";

    private final File folder = new File(System.getProperty("screenshots"));
    private CrookedDesk desk;
    private final Phone phone = new Phone();

    @Before
    public void open() throws Exception {
        TestApplication.reset();
        desk = new CrookedDesk();
    }

    @After
    public void close() {
        desk.close();
    }

    /** Goes the whole way, and draws at every step. */
    @Test
    public void draws() throws Exception {
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
    }

    private void draw(String name) throws IOException {
        draw(name, 0);
    }

    /** Draws a screen in every way, each time after a button has been tapped if there is one to tap. */
    private void draw(String name, int button) throws IOException {
        for (String language : LANGUAGES) {
            for (String theme : THEMES) {
                configure(language + "-ldltr-" + String.format(PHONE, theme));
                tap(button);
                save(name, "phone", language, theme);
                configure(language + "-ldltr-" + String.format(TABLET, theme));
                tap(button);
                save(name, "tablet", language, theme);
            }
        }
        configure(SMALL);
        look(name);
        configure("en-rGB-ldltr-" + String.format(PHONE, "notnight"));
    }

    private void configure(String qualifiers) {
        phone.configure(qualifiers);
    }

    private void tap(int button) {
        if (button != 0) {
            phone.tap(button);
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

    private void save(String name, String device, String language, String theme) throws IOException {
        look(name);
        View view = whole();
        view.clearFocus();
        Bitmap picture = Bitmap.createBitmap(view.getWidth(), view.getHeight(), Bitmap.Config.ARGB_8888);
        view.draw(new Canvas(picture));
        String file = name + "-" + device + "-" + language.substring(0, 2)
                + (theme.equals("night") ? "-dark" : "") + ".png";
        folder.mkdirs();
        try (FileOutputStream stream = new FileOutputStream(new File(folder, file))) {
            assertTrue(picture.compress(Bitmap.CompressFormat.PNG, 100, stream));
        }
        assertTrue("nothing was drawn on " + file, picture.getPixel(5, 5) != 0);
    }

    /** Looks the screen over: labels for a screen reader, room for a finger, and no text cut off. */
    private void look(String name) {
        Activity screen = phone.screen();
        float density = screen.getResources().getDisplayMetrics().density;
        List<Integer> labelled = new ArrayList<>();
        List<View> views = new ArrayList<>();
        collect(whole().findViewById(android.R.id.content), views);
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
