package org.certdesk.enroll.screen;

import java.util.EnumSet;
import org.certdesk.enroll.R;
import org.certdesk.enroll.Sentences;
import org.certdesk.enroll.core.Enrollment;
import org.certdesk.enroll.core.Enrollment.Stage;

/** Renews, or only installs again, with the registration password. */
public final class RenewalActivity extends InstallingScreen {
    static final String ONLY_INSTALL = "org.certdesk.enroll.ONLY_INSTALL";

    @Override
    protected int layout() {
        return R.layout.renewal;
    }

    @Override
    protected EnumSet<Stage> stages() {
        return EnumSet.of(Stage.ENROLLED);
    }

    private boolean onlyInstalls() {
        return getIntent().getBooleanExtra(ONLY_INSTALL, false);
    }

    @Override
    protected void wire() {
        wireReveal();
        onClick(R.id.renew, () -> {
            String password = field(R.id.password).text();
            boolean only = onlyInstalls();
            install(workflow -> {
                if (!only) {
                    workflow.renew(password);
                }
                return workflow.install(password);
            });
        });
        wireStartOver(R.id.forgotten);
    }

    @Override
    protected void show(Enrollment enrollment) {
        fact(R.id.valid_until, Sentences.date(this, enrollment.issued.notAfter()));
        if (onlyInstalls()) {
            text(R.id.heading, getString(R.string.system_again));
            text(R.id.intro, getString(R.string.install_again_intro));
            text(R.id.renew, getString(R.string.install));
        }
    }

    @Override
    protected void finishInstallation(boolean inSystem) {
        super.finishInstallation(inSystem);
        finish();
    }

    @Override
    protected void notInSystem() {
        message(getString(R.string.not_in_system));
    }
}
