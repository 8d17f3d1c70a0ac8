package org.certdesk.enroll.screen;

import android.content.ClipData;
import android.content.ClipboardManager;
import android.content.Context;
import android.content.Intent;
import android.widget.Button;
import android.widget.Toast;
import java.util.EnumSet;
import org.certdesk.enroll.R;
import org.certdesk.enroll.core.Enrollment;
import org.certdesk.enroll.core.Enrollment.Stage;
import org.certdesk.enroll.core.Failure;
import org.certdesk.enroll.core.RequestStatus;
import org.certdesk.enroll.core.Requested;

/** The request: its ID and code, where it stands, and all that was sent. */
public final class StatusActivity extends Screen {
    @Override
    protected int layout() {
        return R.layout.status;
    }

    @Override
    protected EnumSet<Stage> stages() {
        return EnumSet.of(Stage.UNSENT, Stage.PENDING, Stage.DECLINED);
    }

    @Override
    protected void wire() {
        onClick(R.id.copy, this::copy);
        onClick(R.id.share, this::share);
        onClick(R.id.check, this::look);
        onClick(R.id.new_request, () -> startActivity(new Intent(this, RequestActivity.class)));
        wireStartOver(R.id.start_over);
    }

    @Override
    protected void show(Enrollment enrollment) throws Failure {
        Stage stage = enrollment.stage();
        visible(R.id.codes, stage != Stage.UNSENT);
        visible(R.id.advice, stage == Stage.PENDING);
        text(R.id.check, getString(stage == Stage.UNSENT ? R.string.send_again : R.string.check_now));
        visible(R.id.check, stage != Stage.DECLINED);
        visible(R.id.reason_card, false);
        restyle(stage == Stage.DECLINED);
        FormFacts.show(this, enrollment, enrollment.sent());
        if (stage == Stage.UNSENT) {
            explain(R.string.unsent_heading, getString(R.string.unsent_text));
        } else {
            showRequest(enrollment.requested);
        }
    }

    private void showRequest(Requested requested) {
        text(R.id.request_id, requested.id);
        text(R.id.verification_code, requested.verificationCode);
        switch (requested.status) {
            case REJECTED:
                explain(R.string.rejected_heading, getString(R.string.rejected_text));
                visible(R.id.reason_card, true);
                text(R.id.reason, requested.reason);
                break;
            case CANCELLED:
                explain(R.string.cancelled_heading, getString(R.string.cancelled_text, requested.supersededBy));
                break;
            case LAPSED:
                explain(R.string.lapsed_heading, getString(R.string.lapsed_text));
                break;
            default:
                boolean pending = requested.status == RequestStatus.REQUESTED;
                explain(
                        R.string.pending_heading,
                        getString(pending ? R.string.pending_text : R.string.approved_text));
        }
    }

    private void explain(int heading, String text) {
        text(R.id.heading, getString(heading));
        setTitle(heading);
        text(R.id.state_text, text);
    }

    private void restyle(boolean declined) {
        Button button = findViewById(R.id.new_request);
        button.setText(declined ? R.string.new_request : R.string.correct_request);
        button.setBackgroundResource(declined ? R.drawable.button : android.R.color.transparent);
        button.setTextColor(getColorStateList(declined ? R.color.button_text : R.color.accent));
    }

    @Override
    protected void onResume() {
        super.onResume();
        lookOnce();
    }

    private String codes() throws Failure {
        Requested requested = workflow().load().requested;
        return getString(R.string.share_text, requested.id, requested.verificationCode);
    }

    private void copy() {
        try {
            ClipboardManager clipboard = (ClipboardManager) getSystemService(Context.CLIPBOARD_SERVICE);
            clipboard.setPrimaryClip(ClipData.newPlainText(getString(R.string.request_id), codes()));
            Toast.makeText(this, R.string.copied, Toast.LENGTH_SHORT).show();
        } catch (Failure failure) {
            tell(failure);
        }
    }

    private void share() {
        try {
            Intent send = new Intent(Intent.ACTION_SEND).setType("text/plain").putExtra(Intent.EXTRA_TEXT, codes());
            startActivity(Intent.createChooser(send, getString(R.string.share)));
        } catch (Failure failure) {
            tell(failure);
        }
    }
}
