package org.certdesk.enroll;

import java.io.File;
import java.io.FileWriter;
import java.io.IOException;
import org.certdesk.enroll.screen.ConditionsActivity;
import org.certdesk.enroll.screen.ConfirmationActivity;
import org.certdesk.enroll.screen.RequestActivity;
import org.certdesk.enroll.screen.StatusActivity;

/** What tests do on the way to what they are about. */
final class Steps {
    static final String PASSWORD = "counter-3-Lyon";

    private Steps() {}

    static void settings(Phone phone) {
        settings(phone, Manager.DESK + "/settings/FRA1.xml");
    }

    static void settings(Phone phone, String url) {
        phone.type(R.id.url, url).type(R.id.password, PASSWORD).type(R.id.repeat, PASSWORD).tap(R.id.go_on);
    }

    static void form(Phone phone, String description) {
        phone.type(R.id.state, "Rhône")
                .type(R.id.locality, "Lyon")
                .type(R.id.email, "jeanne@example.org")
                .type(R.id.phone, "+33 (0)4 72 00 00 00")
                .type(R.id.description, description);
    }

    /** Goes from the first start to the waiting request, and returns its ID. */
    static String submit(Phone phone, String url) {
        settings(phone.start(), url);
        phone.assertOn(ConditionsActivity.class).tap(R.id.go_on).assertOn(RequestActivity.class);
        form(phone, "Jeanne");
        phone.tap(R.id.submit).assertOn(ConfirmationActivity.class).tap(R.id.send).assertOn(StatusActivity.class);
        return phone.text(R.id.request_id);
    }

    static String submit(Phone phone) {
        return submit(phone, Manager.DESK + "/settings/FRA1.xml");
    }

    /** Spoils what the app has stored. */
    static void damage() throws IOException {
        File file = new File(Phone.app().getNoBackupFilesDir(), "enrollment.json");
        try (FileWriter writer = new FileWriter(file)) {
            writer.write("{\"version\": 1");
        }
    }

    /** Installs the certificate that is there. */
    static void install(Phone phone) {
        phone.type(R.id.password, PASSWORD).tap(R.id.install).systemInstalls(true);
    }
}
