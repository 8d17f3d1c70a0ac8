package org.certdesk.enroll;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayInputStream;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import org.certdesk.enroll.screen.CertificateActivity;
import org.certdesk.enroll.screen.ConditionsActivity;
import org.certdesk.enroll.screen.ConfirmationActivity;
import org.certdesk.enroll.screen.InstallActivity;
import org.certdesk.enroll.screen.RequestActivity;
import org.certdesk.enroll.screen.SettingsActivity;
import org.certdesk.enroll.screen.StatusActivity;
import org.json.JSONObject;
import org.junit.Test;
import org.robolectric.annotation.Config;

/** The whole way against a real desk, on every Android that there is a framework for. */
@Config(sdk = {23, 28, 34, 35})
public class EnrollmentTest extends AndroidTest {
    private final Manager claire = new Manager();
    private final Phone phone = new Phone();

    /** From the first start to the installed certificate, as the user's guide tells it. */
    @Test
    public void enrolls() throws Exception {
        phone.start().assertOn(SettingsActivity.class);
        assertTrue("passwords can be seen in recents", phone.isSecure());
        Steps.settings(phone);
        phone.assertOn(ConditionsActivity.class).tap(R.id.go_on).assertOn(RequestActivity.class);
        Steps.form(phone, "Jeanne, scanner 7");
        phone.tap(R.id.submit).assertOn(ConfirmationActivity.class);
        assertEquals("+33472000000", phone.fact(R.id.phone));
        phone.tap(R.id.send).assertOn(StatusActivity.class);

        String id = phone.text(R.id.request_id);
        JSONObject seen = claire.request(id);
        assertEquals("requested", seen.getString("status"));
        assertEquals(phone.text(R.id.verification_code), seen.getString("verification_code"));
        JSONObject conditions = seen.getJSONObject("device").getJSONObject("conditions");
        assertTrue(conditions.getBoolean("screen_lock"));
        assertFalse(conditions.getBoolean("rooted"));
        phone.tap(R.id.check).assertOn(StatusActivity.class);
        assertNull(phone.message());

        claire.approve(id);
        phone.tap(R.id.check).assertOn(InstallActivity.class);
        assertTrue(phone.isSecure());
        phone.type(R.id.password, Steps.PASSWORD).tap(R.id.install);
        KeyStore handedOver = KeyStore.getInstance("PKCS12");
        handedOver.load(new ByteArrayInputStream(phone.handedOver()), Steps.PASSWORD.toCharArray());
        phone.systemInstalls(true).assertOn(CertificateActivity.class);
        assertFalse(phone.isSecure());

        assertTrue(phone.fact(R.id.subject), phone.fact(R.id.subject).toLowerCase().contains("cn=" + id.toLowerCase()));
        String alias = handedOver.aliases().nextElement();
        X509Certificate certificate = (X509Certificate) handedOver.getCertificate(alias);
        assertEquals(phone.fact(R.id.serial_number), String.format("%032x", certificate.getSerialNumber()));
        assertArrayEquals(
                certificate.getEncoded(),
                ((X509Certificate) handedOver.getCertificateChain(alias)[0]).getEncoded());
        assertEquals(2, handedOver.getCertificateChain(alias).length);
        assertTrue(claire.request(id).has("installed_at"));
        new Phone().start().assertOn(CertificateActivity.class);
    }

    /** A correction supersedes the waiting request; a rejection shows its reason, and supersedes nothing. */
    @Test
    public void isCorrectedAndRejected() throws Exception {
        String first = Steps.submit(phone);
        phone.tap(R.id.new_request).assertOn(RequestActivity.class).type(R.id.locality, "Villeurbanne");
        phone.tap(R.id.submit).tap(R.id.send).assertOn(StatusActivity.class);
        String second = phone.text(R.id.request_id);
        assertEquals(second, claire.request(first).getString("superseded_by"));
        assertEquals("requested", claire.request(second).getString("status"));

        claire.reject(second, "Please use your work e-mail.");
        phone.tap(R.id.check).assertOn(StatusActivity.class);
        assertEquals("Please use your work e-mail.", phone.text(R.id.reason));
        phone.tap(R.id.new_request).type(R.id.email, "jeanne@poste.example").tap(R.id.submit).tap(R.id.send);
        JSONObject third = claire.request(phone.text(R.id.request_id));
        assertEquals("jeanne@poste.example", third.getJSONObject("contact").getString("email"));
        assertEquals("rejected", claire.request(second).getString("status"));
    }
}
