package org.certdesk.enroll;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Notification;
import android.app.NotificationManager;
import android.app.job.JobInfo;
import android.app.job.JobScheduler;
import android.content.ClipboardManager;
import android.content.Context;
import android.content.Intent;
import android.content.pm.ResolveInfo;
import android.net.Uri;
import android.os.Bundle;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.KeyStore;
import java.util.List;
import org.certdesk.enroll.background.DeskCheckJob;
import org.certdesk.enroll.core.Enrollment.Stage;
import org.certdesk.enroll.sample.Credential;
import org.certdesk.enroll.screen.CertificateActivity;
import org.certdesk.enroll.screen.ConditionsActivity;
import org.certdesk.enroll.screen.InstallActivity;
import org.certdesk.enroll.screen.RenewalActivity;
import org.certdesk.enroll.screen.RequestActivity;
import org.certdesk.enroll.screen.SettingsActivity;
import org.certdesk.enroll.screen.StatusActivity;
import org.json.JSONObject;
import org.junit.Test;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.shadows.ShadowJobService;
import org.robolectric.shadows.ShadowLog;

/** What comes after the first enrollment, with a real desk: decisions, renewal, passwords, siblings, reminders. */
public class CertificateTest extends AndroidTest {
    private static final long DAY = 24 * 60 * 60 * 1000L;
    private final Manager claire = new Manager();
    private final Phone phone = new Phone();

    private String enroll() throws Exception {
        String id = Steps.submit(phone);
        claire.approve(id);
        phone.tap(R.id.check).assertOn(InstallActivity.class);
        Steps.install(phone);
        phone.assertOn(CertificateActivity.class);
        return id;
    }

    /** Starting over, for a forgotten password, makes a new key and supersedes the waiting request. */
    @Test
    public void startsOver() throws Exception {
        String id = Steps.submit(phone);
        phone.tap(R.id.start_over).agree().assertOn(SettingsActivity.class);
        assertTrue(phone.typed(R.id.url).endsWith("/settings/FRA1.xml"));
        phone.type(R.id.password, "another-1-password").type(R.id.repeat, "another-1-password").tap(R.id.go_on);
        phone.tap(R.id.go_on);
        assertEquals("what was typed is kept", "Lyon", phone.typed(R.id.locality));
        phone.tap(R.id.submit).tap(R.id.send).assertOn(StatusActivity.class);
        JSONObject older = claire.request(id);
        assertEquals("cancelled", older.getString("status"));
        assertEquals(phone.text(R.id.request_id), older.getString("superseded_by"));
        assertNotEquals(phone.text(R.id.verification_code), older.getString("verification_code"));
    }

    /** Before its end the certificate is renewed in the background; the password then installs the new one. */
    @Test
    public void renewsByItself() throws Exception {
        enroll();
        String before = phone.fact(R.id.serial_number);
        runJob();
        assertEquals("not yet due", Stage.ENROLLED, Phone.app().workflow().load().stage());
        TestApplication.ahead = 340 * DAY;
        runJob();
        assertEquals(Stage.INSTALL, Phone.app().workflow().load().stage());
        assertEquals("Your certificate is ready to be installed", notice());
        assertNotNull("the old one is of use meanwhile", call("credential", Steps.PASSWORD).getByteArray("pkcs12"));
        new Phone().start().assertOn(InstallActivity.class);
        phone.awayAndBack().assertOn(InstallActivity.class);
        phone.type(R.id.password, "wrong").tap(R.id.install);
        assertEquals("This is not your registration password.", phone.message());
        Steps.install(phone);
        phone.assertOn(CertificateActivity.class);
        assertNotEquals(before, phone.fact(R.id.serial_number));
        assertTrue(claire.request(phone.fact(R.id.request)).has("installed_at"));
    }

    /** Without the device's seal the password renews and installs at once. */
    @Test
    public void renewsWithThePassword() throws Exception {
        TestApplication.sealWorks = false;
        enroll();
        String before = phone.fact(R.id.serial_number);
        assertFalse(phone.shows(R.id.renew));
        TestApplication.ahead = 340 * DAY;
        runJob();
        assertTrue(notice(), notice().startsWith("The certificate of this device expires on"));
        phone.awayAndBack().tap(R.id.renew).assertOn(RenewalActivity.class);
        phone.type(R.id.password, Steps.PASSWORD).tap(R.id.renew).systemInstalls(true);
        phone.assertOn(CertificateActivity.class);
        assertNotEquals(before, phone.fact(R.id.serial_number));
    }

    /** An expired certificate can only be replaced by a new request. */
    @Test
    public void tellsExpiry() throws Exception {
        enroll();
        TestApplication.ahead = 400 * DAY;
        phone.awayAndBack();
        assertTrue(phone.text(R.id.expiry).contains("has expired"));
        assertFalse(phone.shows(R.id.renew));
    }

    /** What Android's store does not take is in use for sibling apps all the same. */
    @Test
    public void doesWithoutTheSystem() throws Exception {
        claire.approve(Steps.submit(phone));
        phone.tap(R.id.check).type(R.id.password, Steps.PASSWORD).tap(R.id.install).systemInstalls(false);
        phone.assertOn(InstallActivity.class);
        assertTrue(phone.message(), phone.message().contains("did not install"));
        phone.tap(R.id.without_system).assertOn(CertificateActivity.class);
        assertEquals("No", phone.fact(R.id.system));
        phone.tap(R.id.system_again).type(R.id.password, Steps.PASSWORD).tap(R.id.renew).systemInstalls(true);
        phone.assertOn(CertificateActivity.class);
        assertEquals("Yes", phone.fact(R.id.system));
    }

    private static Bundle call(String method, String password) {
        Bundle extras = new Bundle();
        extras.putString("password", password);
        return RuntimeEnvironment.getApplication()
                .getContentResolver()
                .call(Uri.parse("content://org.certdesk.enroll.credential"), method, null, extras);
    }

    /** A sibling app gets key and certificate with the password, and whoever guesses waits longer each time. */
    @Test
    public void servesSiblings() throws Exception {
        Credential.RefusedException refused = assertThrows(
                Credential.RefusedException.class, () -> Credential.load(Phone.app(), Steps.PASSWORD));
        assertEquals("not-enrolled", refused.error);
        enroll();
        assertEquals("unknown-method", call("everything", null).getString("error"));
        Bundle certificate = call("certificate", null);
        assertNotNull(certificate.getByteArray("certificate"));
        KeyStore store = Credential.load(Phone.app(), Steps.PASSWORD);
        assertTrue(store.isKeyEntry(store.aliases().nextElement()));
        assertNotNull(Credential.tls(store, Steps.PASSWORD).getSocketFactory());
        for (int guess = 0; guess < 3; guess++) {
            assertEquals("wrong-password", call("credential", "guess-" + guess).getString("error"));
        }
        int last = 0;
        for (int guess = 0; guess < 5; guess++) {
            Bundle waiting = call("credential", Steps.PASSWORD);
            assertEquals("even the right one waits", "wait", waiting.getString("error"));
            assertTrue(waiting.getInt("seconds") > last);
            last = waiting.getInt("seconds");
            TestApplication.ahead += last * 1000L;
            assertEquals("wrong-password", call("credential", "guess").getString("error"));
        }
        TestApplication.ahead += DAY;
        assertNotNull(call("credential", Steps.PASSWORD).getByteArray("pkcs12"));
        assertEquals("the count begins anew", "wrong-password", call("credential", "guess").getString("error"));
        assertNotNull(call("credential", Steps.PASSWORD).getByteArray("pkcs12"));
    }

    /** After a change, the new password opens everything and the old one nothing. */
    @Test
    public void changesThePassword() throws Exception {
        enroll();
        phone.tap(R.id.change_password).type(R.id.old, "wrong").type(R.id.password, "short").tap(R.id.save);
        assertTrue(phone.problem(R.id.password).contains("A digit is missing"));
        assertEquals("The two passwords are not the same", phone.problem(R.id.repeat));
        phone.type(R.id.password, "new-Password-2").type(R.id.repeat, "new-Password-2").tap(R.id.save);
        assertEquals("This is not your registration password.", phone.message());
        phone.type(R.id.old, Steps.PASSWORD).tap(R.id.save).assertOn(CertificateActivity.class);
        assertNotNull(call("credential", "new-Password-2").getByteArray("pkcs12"));
        assertEquals("wrong-password", call("credential", Steps.PASSWORD).getString("error"));
    }

    /** What is stored holds no password, and no key in clear; what is logged holds no claim either. */
    @Test
    public void storesNoSecretInClear() throws Exception {
        enroll();
        File[] files = Phone.app().getNoBackupFilesDir().listFiles();
        assertTrue(files.length >= 2);
        for (File file : files) {
            String stored = new String(Files.readAllBytes(file.toPath()), StandardCharsets.UTF_8);
            assertFalse(file.getName(), stored.contains(Steps.PASSWORD));
        }
        String stored = new String(
                Files.readAllBytes(new File(Phone.app().getNoBackupFilesDir(), "enrollment.json").toPath()),
                StandardCharsets.UTF_8);
        JSONObject issued = new JSONObject(stored).getJSONObject("issued");
        for (ShadowLog.LogItem line : ShadowLog.getLogs()) {
            assertFalse(line.msg, line.msg.contains(Steps.PASSWORD) || line.msg.contains(issued.getString("claim")));
        }
        String kept = issued.getString("pkcs12");
        Files.write(
                new File(System.getProperty("kept.pkcs12")).toPath(), java.util.Base64.getDecoder().decode(kept));
    }

    /** A device without a screen lock, or with signs of rooting, sends no request. */
    @Test
    public void insistsOnConditions() throws Exception {
        TestApplication.screenLock = false;
        Steps.settings(phone.start());
        phone.assertOn(ConditionsActivity.class);
        assertFalse(phone.view(R.id.go_on).isEnabled());
        phone.tap(R.id.lock_button);
        assertEquals(
                "android.app.action.SET_NEW_PASSWORD",
                shadowOf(phone.screen()).getNextStartedActivity().getAction());
        TestApplication.screenLock = true;
        TestApplication.rootSigns.add("/system/xbin/su");
        phone.awayAndBack();
        assertTrue(phone.fact(R.id.root).contains("/system/xbin/su"));
        assertFalse(phone.view(R.id.go_on).isEnabled());
        new Phone().start().assertOn(ConditionsActivity.class);
        TestApplication.rootSigns.clear();
        phone.awayAndBack().tap(R.id.go_on).assertOn(RequestActivity.class);
        TestApplication.screenLock = false; // taken off while the form was being filled in
        phone.awayAndBack().assertOn(ConditionsActivity.class);
    }

    /** A link, from the browser or the camera, fills in the address and fetches nothing by itself. */
    @Test
    public void takesLinks() throws Exception {
        Intent link = new Intent(Intent.ACTION_VIEW, Uri.parse("certdesk://desk.example.org/settings/FRA1.xml"))
                .setClassName(RuntimeEnvironment.getApplication(), SettingsActivity.class.getName());
        phone.open(link).assertOn(SettingsActivity.class);
        assertEquals("certdesk://desk.example.org/settings/FRA1.xml", phone.typed(R.id.url));
        assertEquals(Stage.SETTINGS, Phone.app().workflow().load().stage());
        ClipboardManager clipboard =
                (ClipboardManager) phone.screen().getSystemService(Context.CLIPBOARD_SERVICE);
        clipboard.setPrimaryClip(android.content.ClipData.newPlainText("", "  https://other.example/settings/X1.xml\n"));
        phone.tap(R.id.paste);
        assertEquals("https://other.example/settings/X1.xml", phone.typed(R.id.url));
    }

    /** The links on the desk's publication page set the app up, unless they name another authority than the desk's. */
    @Test
    public void followsThePublishedLinks() {
        for (String link : System.getProperty("published.links").split(" ")) {
            String forged = link.substring(0, link.length() - 4) + (link.endsWith("0000") ? "1111" : "0000");
            follow(forged).assertOn(SettingsActivity.class);
            assertTrue(phone.message(), phone.message().startsWith("No trust anchor in these settings has the fingerprint"));
            follow(link).assertOn(ConditionsActivity.class);
            Phone.app().getNoBackupFilesDir().listFiles()[0].delete(); // the next link finds a new device
        }
    }

    private Phone follow(String link) {
        Intent tapped = new Intent(Intent.ACTION_VIEW, Uri.parse(link)).addCategory(Intent.CATEGORY_BROWSABLE);
        List<ResolveInfo> apps = Phone.app().getPackageManager().queryIntentActivities(tapped, 0);
        assertEquals(link, 1, apps.size());
        phone.open(tapped.setClassName(Phone.app(), apps.get(0).activityInfo.name)).assertOn(SettingsActivity.class);
        Steps.settings(phone, phone.typed(R.id.url));
        return phone;
    }

    /** Request ID and verification code can be copied and shared. */
    @Test
    public void sharesTheCodes() throws Exception {
        String id = Steps.submit(phone);
        phone.tap(R.id.copy);
        ClipboardManager clipboard =
                (ClipboardManager) phone.screen().getSystemService(Context.CLIPBOARD_SERVICE);
        assertTrue(clipboard.getPrimaryClip().getItemAt(0).getText().toString().contains(id));
        phone.view(R.id.share).performClick();
        Intent chooser = shadowOf(phone.screen()).getNextStartedActivity();
        Intent send = chooser.getParcelableExtra(Intent.EXTRA_INTENT);
        assertTrue(send.getStringExtra(Intent.EXTRA_TEXT).contains(phone.text(R.id.verification_code)));
    }

    private static void runJob() throws Exception {
        DeskCheckJob job = Robolectric.setupService(DeskCheckJob.class);
        assertTrue(job.onStartJob(null));
        ShadowJobService shadow = shadowOf(job);
        long began = System.nanoTime();
        while (!shadow.getIsJobFinished()) {
            assertTrue("the job does not end", System.nanoTime() - began < 60_000_000_000L);
            java.util.concurrent.locks.LockSupport.parkNanos(2_000_000);
        }
    }

    private static String notice() {
        NotificationManager notices = (NotificationManager)
                RuntimeEnvironment.getApplication().getSystemService(Context.NOTIFICATION_SERVICE);
        Notification last = null;
        for (Notification each : shadowOf(notices).getAllNotifications()) {
            last = each;
        }
        return last == null ? null : last.extras.getString(Notification.EXTRA_TITLE);
    }

    /** While somebody is to decide the desk is asked every quarter of an hour, and the decision is told. */
    @Test
    public void watchesInTheBackground() throws Exception {
        JobScheduler jobs = (JobScheduler)
                RuntimeEnvironment.getApplication().getSystemService(Context.JOB_SCHEDULER_SERVICE);
        phone.start();
        assertTrue(jobs.getAllPendingJobs().isEmpty());
        new Phone(); // nothing is planned before there is something to look for
        String id = Steps.submit(phone);
        JobInfo planned = jobs.getAllPendingJobs().get(0);
        assertEquals(15 * 60 * 1000L, planned.getIntervalMillis());
        assertTrue(planned.isPersisted());
        runJob();
        assertNull(notice());
        claire.reject(id, "no");
        runJob();
        assertEquals("There is news about your certificate request", notice());
        phone.awayAndBack();
        assertNull("the notice goes when the app is opened", notice());
        assertTrue("nothing to look for", jobs.getAllPendingJobs().isEmpty());
    }
}
