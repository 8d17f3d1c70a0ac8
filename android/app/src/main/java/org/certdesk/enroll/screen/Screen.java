package org.certdesk.enroll.screen;

import android.Manifest;
import android.app.Activity;
import android.app.AlertDialog;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.os.Build;
import android.os.Bundle;
import android.view.View;
import android.view.ViewGroup;
import android.view.WindowManager;
import android.widget.Button;
import android.widget.CheckBox;
import android.widget.TextView;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import org.certdesk.enroll.EnrollApplication;
import org.certdesk.enroll.R;
import org.certdesk.enroll.Sentences;
import org.certdesk.enroll.Work;
import org.certdesk.enroll.background.Reminders;
import org.certdesk.enroll.core.Enrollment;
import org.certdesk.enroll.core.Enrollment.Stage;
import org.certdesk.enroll.core.Failure;
import org.certdesk.enroll.core.Workflow;

/**
 * A screen: it shows what the workflow has written, and leaves when the enrollment has moved on.
 *
 * <p>Nothing is kept in screens but what is being typed, so one that is turned, or made anew after its process was
 * killed, is the same as before.
 */
abstract class Screen extends Activity implements Work.Observer {
    private boolean shown;

    /** Returns the layout. */
    protected abstract int layout();

    /** Returns the stages of an enrollment in which this screen has something to say. */
    protected abstract EnumSet<Stage> stages();

    /** Shows what there is; called whenever that may have changed. */
    protected abstract void show(Enrollment enrollment) throws Failure;

    /** Sets up the buttons. */
    protected abstract void wire();

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(layout());
        if (holdsSecrets(content())) {
            getWindow().addFlags(WindowManager.LayoutParams.FLAG_SECURE);
        }
        wire();
        restoreSecrets();
    }

    @Override
    protected void onResume() {
        super.onResume();
        work().observe(this);
        Reminders.clear(this);
        onWork();
    }

    @Override
    protected void onPause() {
        work().forget(this);
        super.onPause();
    }

    @Override
    public void onWork() {
        boolean busy = work().isBusy();
        View progress = findViewById(R.id.progress);
        if (progress != null) {
            progress.setVisibility(busy ? View.VISIBLE : View.GONE);
        }
        setEnabled(content(), !busy);
        if (!busy && refresh()) {
            done(work().takeFailure());
        }
    }

    /** Called when there is nothing going on, with what went wrong in the work that has ended, or null. */
    protected void done(Failure failure) {
        if (failure != null) {
            tell(failure);
        }
    }

    /** Asks the desk, once at every start of the app, and whether notices may be shown. */
    protected void lookOnce() {
        if (!work().claimFirstLook() || isFinishing()) {
            return;
        }
        if (Build.VERSION.SDK_INT >= 33
                && checkSelfPermission(Manifest.permission.POST_NOTIFICATIONS) != PackageManager.PERMISSION_GRANTED) {
            requestPermissions(new String[] {Manifest.permission.POST_NOTIFICATIONS}, 0);
        }
        look();
    }

    /** Asks the desk, and renews if it is time. */
    protected void look() {
        begin(workflow -> {
            workflow.check();
            if (workflow.isRenewalDue()) {
                workflow.renew();
            }
        });
    }

    /** Returns false if this screen has been left. */
    private boolean refresh() {
        try {
            Enrollment enrollment = workflow().load();
            Reminders.plan(this, enrollment.stage());
            if (!stages().contains(enrollment.stage())) {
                go(Screens.of(this, enrollment.stage()));
                return false;
            }
            show(enrollment);
            shown = true;
        } catch (Failure failure) {
            if (!(this instanceof StartActivity)) {
                go(new Intent(this, StartActivity.class));
                return false;
            }
            tell(failure);
        }
        return true;
    }

    /** Tells whether {@link #show} has been called before: what was typed must not be written over. */
    protected boolean wasShown() {
        return shown;
    }

    /** Shows what went wrong. */
    protected void tell(Failure failure) {
        message(Sentences.of(this, failure));
    }

    protected void message(String sentence) {
        TextView message = findViewById(R.id.message);
        message.setText(sentence);
        message.setVisibility(sentence == null ? View.GONE : View.VISIBLE);
        if (sentence != null) {
            message.getParent().requestChildFocus(message, message); // scrolls to it
        }
    }

    /** Leaves for another screen. */
    protected void go(Intent next) {
        startActivity(next);
        finish();
    }

    protected void begin(Work.Task task) {
        message(null);
        work().begin(task);
    }

    protected EnrollApplication app() {
        return (EnrollApplication) getApplication();
    }

    protected Work work() {
        return app().work();
    }

    protected Workflow workflow() {
        return app().workflow();
    }

    protected void onClick(int button, Runnable action) {
        findViewById(button).setOnClickListener(view -> action.run());
    }

    protected Field field(int id) {
        return findViewById(id);
    }

    protected void fact(int id, String value) {
        ((Fact) findViewById(id)).set(value);
    }

    protected void text(int id, String text) {
        TextView view = findViewById(id);
        view.setText(text);
        view.setVisibility(text == null || text.isEmpty() ? View.GONE : View.VISIBLE);
    }

    protected void visible(int id, boolean visible) {
        findViewById(id).setVisibility(visible ? View.VISIBLE : View.GONE);
    }

    /** Lets the check box show and hide the passwords. */
    protected void wireReveal() {
        CheckBox box = findViewById(R.id.show_password);
        box.setOnCheckedChangeListener((view, checked) -> reveal(content(), checked));
    }

    private void reveal(View view, boolean shown) {
        if (view instanceof Field && ((Field) view).isSecret()) {
            ((Field) view).reveal(shown);
        } else if (view instanceof ViewGroup) {
            for (int at = 0; at < ((ViewGroup) view).getChildCount(); at++) {
                reveal(((ViewGroup) view).getChildAt(at), shown);
            }
        }
    }

    protected void wireStartOver(int button) {
        onClick(button, () -> new AlertDialog.Builder(this)
                .setMessage(R.string.start_over_question)
                .setPositiveButton(R.string.start_over, (dialog, which) -> begin(Workflow::startOver))
                .setNegativeButton(R.string.cancel, null)
                .show());
    }

    // Passwords: kept in memory while the screen is turned, and never written anywhere.

    @Override
    public Object onRetainNonConfigurationInstance() {
        Map<Integer, String> secrets = new HashMap<>();
        collectSecrets(content(), secrets);
        return secrets;
    }

    private void restoreSecrets() {
        Object retained = getLastNonConfigurationInstance();
        if (retained instanceof Map) {
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) retained).entrySet()) {
                field((Integer) entry.getKey()).setText((String) entry.getValue());
            }
        }
    }

    private static void collectSecrets(View view, Map<Integer, String> secrets) {
        if (view instanceof Field) {
            if (((Field) view).isSecret()) {
                secrets.put(view.getId(), ((Field) view).text());
            }
        } else if (view instanceof ViewGroup) {
            for (int at = 0; at < ((ViewGroup) view).getChildCount(); at++) {
                collectSecrets(((ViewGroup) view).getChildAt(at), secrets);
            }
        }
    }

    private static boolean holdsSecrets(View view) {
        Map<Integer, String> secrets = new HashMap<>();
        collectSecrets(view, secrets);
        return !secrets.isEmpty();
    }

    private View content() {
        return findViewById(android.R.id.content);
    }

    private static void setEnabled(View view, boolean enabled) {
        if (view instanceof Button || view instanceof Field) {
            view.setEnabled(enabled);
        } else if (view instanceof ViewGroup) {
            for (int at = 0; at < ((ViewGroup) view).getChildCount(); at++) {
                setEnabled(((ViewGroup) view).getChildAt(at), enabled);
            }
        }
    }
}
