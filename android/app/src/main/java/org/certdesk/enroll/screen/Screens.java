package org.certdesk.enroll.screen;

import android.content.Intent;
import org.certdesk.enroll.core.Enrollment.Stage;

/** Which screen belongs to which stage. */
final class Screens {
    private Screens() {}

    static Intent of(Screen from, Stage stage) {
        return new Intent(from, screen(from, stage));
    }

    private static Class<? extends Screen> screen(Screen from, Stage stage) {
        switch (stage) {
            case SETTINGS:
                return SettingsActivity.class;
            case FORM:
                // Coming from the settings, the conditions are explained even if they are met.
                return from instanceof SettingsActivity || !from.app().conditions().areMet()
                        ? ConditionsActivity.class
                        : RequestActivity.class;
            case INSTALL:
                return InstallActivity.class;
            case ENROLLED:
                return CertificateActivity.class;
            default:
                return StatusActivity.class;
        }
    }
}
