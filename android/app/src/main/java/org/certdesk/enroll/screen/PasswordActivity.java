package org.certdesk.enroll.screen;

import android.widget.Toast;
import java.util.EnumSet;
import org.certdesk.enroll.R;
import org.certdesk.enroll.core.Enrollment;
import org.certdesk.enroll.core.Enrollment.Stage;
import org.certdesk.enroll.core.Failure;

/** Changes the registration password. */
public final class PasswordActivity extends Screen {
    private boolean changing;

    @Override
    protected int layout() {
        return R.layout.password;
    }

    @Override
    protected EnumSet<Stage> stages() {
        return EnumSet.allOf(Stage.class);
    }

    @Override
    protected void wire() {
        wireReveal();
        onClick(R.id.save, this::save);
        onClick(R.id.cancel, this::finish);
    }

    @Override
    protected void show(Enrollment enrollment) {}

    private void save() {
        if (NewPassword.check(this)) {
            String old = field(R.id.old).text();
            String fresh = field(R.id.password).text();
            changing = true;
            begin(workflow -> workflow.changePassword(old, fresh));
        }
    }

    @Override
    protected void done(Failure failure) {
        super.done(failure);
        if (changing && failure == null) {
            Toast.makeText(this, R.string.password_changed, Toast.LENGTH_LONG).show();
            finish();
        }
        changing = false;
    }
}
