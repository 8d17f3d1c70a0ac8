package org.certdesk.enroll;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.File;
import org.certdesk.enroll.screen.CertificateActivity;
import org.certdesk.enroll.screen.ConditionsActivity;
import org.certdesk.enroll.screen.ConfirmationActivity;
import org.certdesk.enroll.screen.InstallActivity;
import org.certdesk.enroll.screen.PasswordActivity;
import org.certdesk.enroll.screen.RenewalActivity;
import org.certdesk.enroll.screen.RequestActivity;
import org.certdesk.enroll.screen.SettingsActivity;
import org.certdesk.enroll.screen.StartActivity;
import org.certdesk.enroll.screen.StatusActivity;
import org.json.JSONObject;
import org.junit.Rule;
import org.junit.Test;
import org.robolectric.annotation.Config;

/** Every screen is turned and killed, and is the same afterwards. */
public class RestorationTest extends AndroidTest {
    @Rule
    public final CrookedDesk desk = new CrookedDesk();

    private Phone phone = new Phone();

    /** From the first screen to the last. */
    @Test
    @Config(sdk = {23, 28, 34, 35})
    public void survivesEverywhere() throws Exception {
        phone.start();
        phone.type(R.id.url, desk.settingsUrl()).type(R.id.password, "counter-3").type(R.id.repeat, "x").turn();
        phone.assertOn(SettingsActivity.class);
        assertEquals(desk.settingsUrl(), phone.typed(R.id.url));
        assertEquals("a password outlives turning", "counter-3", phone.typed(R.id.password));
        phone = phone.die().assertOn(SettingsActivity.class);
        assertEquals(desk.settingsUrl(), phone.typed(R.id.url));
        assertEquals("a password is written nowhere", "", phone.typed(R.id.password));

        Steps.settings(phone, desk.settingsUrl());
        TestApplication.screenLock = false;
        phone.turn().assertOn(ConditionsActivity.class);
        phone = phone.die().assertOn(ConditionsActivity.class);
        assertEquals("✗ Not set", phone.fact(R.id.lock));
        TestApplication.screenLock = true;
        phone.turn().assertOn(ConditionsActivity.class);
        phone = phone.die().assertOn(ConditionsActivity.class);
        phone.tap(R.id.go_on);

        Steps.form(phone, "Jeanne\nscanner 7");
        phone.type(R.id.email, "jeanne@").tap(R.id.submit).assertOn(RequestActivity.class);
        phone.turn();
        assertForm("Jeanne\nscanner 7");
        phone = phone.die().assertOn(RequestActivity.class);
        assertForm("Jeanne\nscanner 7");
        phone.awayAndBack();
        phone = new Phone().start().assertOn(RequestActivity.class); // swiped away: from the storage
        assertEquals("Jeanne\nscanner 7", phone.typed(R.id.description));

        phone.type(R.id.email, "jeanne@example.org").tap(R.id.submit).turn().assertOn(ConfirmationActivity.class);
        phone = phone.die().assertOn(ConfirmationActivity.class);
        assertEquals("jeanne@example.org", phone.fact(R.id.email));
        desk.twist = (exchange, status, truth) -> CrookedDesk.send(exchange, 500, "");
        phone.tap(R.id.send).turn().assertOn(StatusActivity.class);
        phone = phone.die().assertOn(StatusActivity.class);
        assertEquals("Not sent yet", phone.text(R.id.heading));
        assertEquals("jeanne@example.org", phone.fact(R.id.email));
        desk.twist = null;
        desk.submitted.clear();
        phone.tap(R.id.check).turn().assertOn(StatusActivity.class);
        phone = phone.die().assertOn(StatusActivity.class);
        assertEquals(CrookedDesk.ID, phone.text(R.id.request_id));
        assertEquals(1, desk.submitted.size());

        desk.outcome = new JSONObject().put("status", "rejected").put("reason", "why");
        phone.tap(R.id.check).turn();
        phone = phone.die().assertOn(StatusActivity.class);
        assertEquals("why", phone.text(R.id.reason));
        desk.outcome = new JSONObject();
        phone.tap(R.id.new_request).tap(R.id.submit).tap(R.id.send);

        desk.issueProperly(-20, 1); // close to its end, so that it can be renewed
        phone.tap(R.id.check).turn().assertOn(InstallActivity.class);
        phone = phone.die().assertOn(InstallActivity.class);
        phone.type(R.id.password, Steps.PASSWORD).tap(R.id.install);
        phone = phone.die().assertOn(InstallActivity.class); // while Android's own window was open
        TestApplication.sealWorks = false; // or it would renew by itself
        Steps.install(phone);
        phone.turn().assertOn(CertificateActivity.class);
        phone = phone.die().assertOn(CertificateActivity.class);
        assertTrue(phone.shows(R.id.renew));
        phone.tap(R.id.renew).turn().assertOn(RenewalActivity.class);
        phone = phone.die().assertOn(RenewalActivity.class);
        phone = new Phone().start().tap(R.id.change_password).turn().assertOn(PasswordActivity.class);
        phone.die().assertOn(PasswordActivity.class);
    }

    private void assertForm(String description) {
        assertEquals("Rhône", phone.typed(R.id.state));
        assertEquals("Lyon", phone.typed(R.id.locality));
        assertEquals("jeanne@", phone.typed(R.id.email));
        assertEquals("This is not an e-mail address", phone.problem(R.id.email));
        assertEquals(description, phone.typed(R.id.description));
    }

    /** A process that dies while it sends goes on at the next start, and sends the same. */
    @Test
    public void sendsOnceThoughItDies() throws Exception {
        desk.twist = (exchange, status, truth) -> CrookedDesk.send(exchange, 500, "");
        Steps.submit(phone, desk.settingsUrl());
        desk.twist = null;
        Phone.app().onCreate();
        phone = new Phone().start().assertOn(StatusActivity.class);
        assertEquals(CrookedDesk.ID, phone.text(R.id.request_id));
        assertTrue(desk.submitted.size() >= 2);
        for (JSONObject each : desk.submitted) {
            assertEquals(desk.submitted.get(0).toString(), each.toString());
        }
    }

    /** A file that cannot be read is told, and starting over is the way out. */
    @Test
    public void startsOverFromDamage() throws Exception {
        Steps.submit(phone, desk.settingsUrl());
        Steps.damage();
        phone = new Phone().start().turn().assertOn(StartActivity.class);
        phone = phone.die().assertOn(StartActivity.class);
        assertTrue(phone.message(), phone.message().contains("cannot be read"));
        phone.tap(R.id.start_over).agree().assertOn(SettingsActivity.class);
    }

    /** A storage that is full loses nothing of what it held. */
    @Test
    public void survivesAFullStorage() throws Exception {
        Steps.submit(phone, desk.settingsUrl());
        File blocked = new File(Phone.app().getNoBackupFilesDir(), "enrollment.json.new");
        File inside = new File(blocked, "inside");
        assertTrue(blocked.mkdir() && inside.mkdir()); // nothing can be written there now
        desk.outcome = new JSONObject().put("status", "rejected").put("reason", "why");
        phone.tap(R.id.check).assertOn(StatusActivity.class);
        assertTrue(phone.message(), phone.message().contains("storage full"));
        assertEquals(CrookedDesk.ID, phone.text(R.id.request_id));
        assertTrue(inside.delete() && blocked.delete());
        phone.tap(R.id.check);
        assertEquals("Rejected", phone.text(R.id.heading));
    }
}
