package org.certdesk.enroll.screen;

import java.util.EnumSet;
import org.certdesk.enroll.R;
import org.certdesk.enroll.Sentences;
import org.certdesk.enroll.core.Enrollment;
import org.certdesk.enroll.core.Enrollment.Stage;
import org.certdesk.enroll.core.Issued;

/** The certificate is there and has been verified: the password puts it to use. */
public final class InstallActivity extends InstallingScreen {
    @Override
    protected int layout() {
        return R.layout.install;
    }

    @Override
    protected EnumSet<Stage> stages() {
        return EnumSet.of(Stage.INSTALL);
    }

    @Override
    protected void wire() {
        wireReveal();
        onClick(R.id.install, () -> {
            String password = field(R.id.password).text();
            install(workflow -> workflow.install(password));
        });
        onClick(R.id.without_system, () -> finishInstallation(false));
        wireStartOver(R.id.forgotten);
    }

    @Override
    protected void show(Enrollment enrollment) {
        Issued waiting = enrollment.newest();
        text(
                R.id.intro,
                getString(enrollment.successor == null ? R.string.install_intro : R.string.install_renewed_intro));
        fact(R.id.subject, waiting.subject());
        fact(R.id.valid_until, Sentences.date(this, waiting.notAfter()));
        // Where it has been locked in already, only Android's store is still missing.
        visible(R.id.without_system, waiting.hasPkcs12());
    }

    @Override
    protected void notInSystem() {
        message(getString(R.string.not_in_system));
    }
}
