package org.certdesk.enroll.screen;

import android.content.Intent;
import android.os.Build;
import android.os.Bundle;
import java.util.EnumSet;
import org.certdesk.enroll.R;
import org.certdesk.enroll.core.Enrollment;
import org.certdesk.enroll.core.Enrollment.Stage;
import org.certdesk.enroll.core.Failure;
import org.certdesk.enroll.core.FormCheck;

/** What will be sent, before it is sent. */
public final class ConfirmationActivity extends Screen {
    private static final String SENDING = "sending";

    private boolean sending;

    @Override
    protected void onCreate(Bundle state) {
        sending = state != null && state.getBoolean(SENDING);
        super.onCreate(state);
    }

    @Override
    protected void onSaveInstanceState(Bundle state) {
        super.onSaveInstanceState(state);
        state.putBoolean(SENDING, sending);
    }

    @Override
    protected int layout() {
        return R.layout.confirmation;
    }

    @Override
    protected EnumSet<Stage> stages() {
        return EnumSet.of(Stage.FORM, Stage.PENDING, Stage.DECLINED);
    }

    @Override
    protected void wire() {
        onClick(R.id.send, this::send);
        onClick(R.id.change, this::finish);
    }

    @Override
    protected void show(Enrollment enrollment) throws Failure {
        if (enrollment.draft == null) {
            finish();
            return;
        }
        FormFacts.show(this, enrollment, FormCheck.normalise(enrollment.draft));
        fact(R.id.device, Build.MANUFACTURER + " " + Build.MODEL);
    }

    private void send() {
        sending = true;
        begin(workflow -> {
            workflow.prepare(FormCheck.normalise(workflow.load().draft));
            workflow.submit();
        });
    }

    @Override
    public void onWork() {
        if (!sending || work().isBusy()) {
            super.onWork();
        } else if (work().wasRefused()) {
            finish(); // the form beneath shows what the desk has against which field
        } else {
            startActivity(new Intent(this, StartActivity.class)
                    .addFlags(Intent.FLAG_ACTIVITY_NEW_TASK | Intent.FLAG_ACTIVITY_CLEAR_TASK));
        }
    }
}
