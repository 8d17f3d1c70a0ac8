package org.certdesk.enroll;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Activity;
import android.app.AlertDialog;
import android.content.Intent;
import android.os.Bundle;
import android.security.KeyChain;
import android.view.View;
import android.view.WindowManager;
import android.widget.TextView;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.LockSupport;
import org.certdesk.enroll.screen.StartActivity;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.shadows.ShadowAlertDialog;
import org.robolectric.shadows.ShadowLooper;

/** Somebody's phone: it starts the app's activities as Android would, and a finger touches what is on the screen. */
final class Phone {
    private static final long PATIENCE_SECONDS = 60;

    private final Deque<ActivityController<? extends Activity>> stack = new ArrayDeque<>();

    /** Taps the app's icon. */
    Phone start() {
        return open(new Intent(RuntimeEnvironment.getApplication(), StartActivity.class));
    }

    /** Opens what an intent names. */
    Phone open(Intent intent) {
        push(intent);
        settle();
        return this;
    }

    @SuppressWarnings("unchecked")
    private void push(Intent intent) {
        assertNotNull("an intent for the system, not for a screen: " + intent, intent.getComponent());
        try {
            Class<? extends Activity> screen =
                    (Class<? extends Activity>) Class.forName(intent.getComponent().getClassName());
            if (!stack.isEmpty()) {
                stack.peek().pause();
            }
            if ((intent.getFlags() & Intent.FLAG_ACTIVITY_CLEAR_TASK) != 0) {
                stack.clear();
            }
            ActivityController<? extends Activity> controller = Robolectric.buildActivity(screen, intent);
            stack.push(controller);
            controller.create().start().postCreate(null).resume().visible();
        } catch (ClassNotFoundException missing) {
            throw new AssertionError(missing);
        }
    }

    Activity screen() {
        return stack.peek().get();
    }

    /** Lets everything happen that is going on, and follows the app to where it goes. */
    Phone settle() {
        long began = System.nanoTime();
        while (true) {
            ShadowLooper.idleMainLooper();
            Intent next = next();
            if (next != null) {
                leave();
                push(next);
            } else if (screen().isFinishing() && stack.size() > 1) {
                leave();
                stack.peek().resume();
            } else if (app().work().isBusy()) {
                assertTrue("busy for too long", System.nanoTime() - began < PATIENCE_SECONDS * 1_000_000_000L);
                LockSupport.parkNanos(2_000_000);
            } else {
                return this;
            }
        }
    }

    private Intent next() {
        Intent peeked = shadowOf(screen()).peekNextStartedActivity();
        boolean ours = peeked != null
                && peeked.getComponent() != null
                && peeked.getComponent().getClassName().startsWith("org.certdesk.");
        return ours ? shadowOf(screen()).getNextStartedActivity() : null;
    }

    private void leave() {
        if (screen().isFinishing()) {
            stack.pop().pause().stop().destroy();
        }
    }

    static EnrollApplication app() {
        return (EnrollApplication) RuntimeEnvironment.getApplication();
    }

    /** Turns the screen: Android makes the activity anew and passes on what it retains. */
    Phone turn() {
        String turned =
                screen().getResources().getDisplayMetrics().widthPixels
                                > screen().getResources().getDisplayMetrics().heightPixels
                        ? "+port"
                        : "+land";
        return configure(turned);
    }

    /** Changes what Android calls the configuration, as when the language or the theme is set. */
    Phone configure(String qualifiers) {
        RuntimeEnvironment.setQualifiers(qualifiers);
        stack.peek().recreate();
        return settle();
    }

    /** Kills the process and comes back, with nothing but the saved state and the storage; returns the new phone. */
    Phone die() {
        Bundle state = new Bundle();
        Class<? extends Activity> screen = screen().getClass();
        Intent intent = screen().getIntent();
        stack.peek().saveInstanceState(state).pause().stop();
        Phone reborn = new Phone();
        app().onCreate(); // a new process: nothing is left in memory
        ActivityController<? extends Activity> controller = Robolectric.buildActivity(screen, intent);
        reborn.stack.push(controller);
        controller
                .create(parcelled(state))
                .start()
                .restoreInstanceState(parcelled(state))
                .postCreate(parcelled(state))
                .resume()
                .visible();
        return reborn.settle();
    }

    /** Returns the state as it comes back from the system's process. */
    private static Bundle parcelled(Bundle state) {
        android.os.Parcel parcel = android.os.Parcel.obtain();
        state.writeToParcel(parcel, 0);
        parcel.setDataPosition(0);
        Bundle copy = parcel.readBundle(Phone.class.getClassLoader());
        parcel.recycle();
        return copy;
    }

    Phone type(int field, String text) {
        this.<org.certdesk.enroll.screen.Field>view(field).setText(text);
        return this;
    }

    String typed(int field) {
        return this.<org.certdesk.enroll.screen.Field>view(field).text();
    }

    String problem(int field) {
        CharSequence problem = this.<org.certdesk.enroll.screen.Field>view(field).problem();
        return problem == null ? null : problem.toString();
    }

    Phone tap(int button) {
        View view = view(button);
        assertTrue(
                view.getResources().getResourceEntryName(button) + " cannot be touched on " + screen(),
                view.isShown() && view.isEnabled());
        view.performClick();
        return settle();
    }

    /** Agrees to what a dialog asks. */
    Phone agree() {
        AlertDialog dialog = (AlertDialog) ShadowAlertDialog.getLatestDialog();
        dialog.getButton(AlertDialog.BUTTON_POSITIVE).performClick();
        return settle();
    }

    Phone back() {
        screen().onBackPressed();
        return settle();
    }

    /** Leaves the app for another one and comes back. */
    Phone awayAndBack() {
        stack.peek().pause().stop().restart().start().resume();
        return settle();
    }

    @SuppressWarnings("unchecked")
    <T extends View> T view(int id) {
        View view = screen().findViewById(id);
        assertNotNull("no such view on " + screen().getClass().getSimpleName(), view);
        return (T) view;
    }

    String text(int id) {
        return this.<TextView>view(id).getText().toString();
    }

    String fact(int id) {
        android.view.ViewGroup fact = view(id); // a label and its value
        return ((TextView) fact.getChildAt(1)).getText().toString();
    }

    boolean shows(int id) {
        return view(id).isShown();
    }

    /** Returns the message on the screen, or null. */
    String message() {
        return shows(R.id.message) ? text(R.id.message) : null;
    }

    Phone assertOn(Class<? extends Activity> screen) {
        String message = screen().findViewById(R.id.message) == null ? "" : String.valueOf(message());
        assertEquals(message, screen.getSimpleName(), screen().getClass().getSimpleName());
        return this;
    }

    boolean isSecure() {
        return (screen().getWindow().getAttributes().flags & WindowManager.LayoutParams.FLAG_SECURE) != 0;
    }

    /** Returns the PKCS#12 file that Android's credential store was given. */
    byte[] handedOver() {
        Intent install = shadowOf(screen()).peekNextStartedActivityForResult().intent;
        assertEquals("android.credentials.INSTALL", install.getAction());
        return install.getByteArrayExtra(KeyChain.EXTRA_PKCS12);
    }

    /** Answers as Android's credential store does. */
    Phone systemInstalls(boolean agrees) {
        Intent asked = shadowOf(screen()).getNextStartedActivityForResult().intent;
        shadowOf(screen()).getNextStartedActivity();
        shadowOf(screen()).receiveResult(asked, agrees ? Activity.RESULT_OK : Activity.RESULT_CANCELED, null);
        stack.peek().pause().resume();
        return settle();
    }
}
