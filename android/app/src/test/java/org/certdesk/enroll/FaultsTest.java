package org.certdesk.enroll;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import android.content.pm.ApplicationInfo;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.certdesk.enroll.CrookedDesk.Authority;
import org.certdesk.enroll.CrookedDesk.Certificate;
import org.certdesk.enroll.core.BadSettings;
import org.certdesk.enroll.core.Enrollment.Stage;
import org.certdesk.enroll.core.Failure;
import org.certdesk.enroll.core.SettingsFile;
import org.certdesk.enroll.screen.CertificateActivity;
import org.certdesk.enroll.screen.ConditionsActivity;
import org.certdesk.enroll.screen.InstallActivity;
import org.certdesk.enroll.screen.RequestActivity;
import org.certdesk.enroll.screen.SettingsActivity;
import org.certdesk.enroll.screen.StatusActivity;
import org.json.JSONObject;
import org.junit.Rule;
import org.junit.Test;

/** Whatever the desk does: nothing is lost, nothing is sent twice, and nothing bad is installed. */
public class FaultsTest extends AndroidTest {
    @Rule
    public final CrookedDesk desk = new CrookedDesk();

    private final Phone phone = new Phone();

    private static Map<String, CrookedDesk.Twist> answers() {
        Map<String, CrookedDesk.Twist> answers = new LinkedHashMap<>();
        String problem = "{\"type\": \"urn:certdesk:error:%s\", \"title\": \"t\", \"status\": %d, \"detail\": \"d\"}";
        answers.put(
                "(HTTP 500)", (exchange, status, truth) -> CrookedDesk.send(exchange, 500, "<h1>oops</h1>"));
        answers.put(
                "The desk made an error: d",
                (exchange, status, truth) -> CrookedDesk.send(exchange, 500, String.format(problem, "internal", 500)));
        answers.put(
                "at the moment: d",
                (exchange, status, truth) ->
                        CrookedDesk.send(exchange, 429, String.format(problem, "rate-limited", 429)));
        answers.put("cut off", (exchange, status, truth) -> {
            exchange.sendResponseHeaders(status, truth.length() + 100L);
            exchange.getResponseBody().write(truth.getBytes());
        });
        answers.put(
                "(HTTP 200)",
                (exchange, status, truth) -> CrookedDesk.send(exchange, 200, truth.substring(0, truth.length() / 2)));
        answers.put(
                "about another request",
                (exchange, status, truth) -> CrookedDesk.send(
                        exchange, 200, truth.replaceAll("\"verification_code\":\"\\d+\"", "\"verification_code\":\"x\"")));
        answers.put("is about another", (exchange, status, truth) ->
                CrookedDesk.send(exchange, 200, truth.replace("\"FRA1\"", "\"DEU1\"")));
        answers.put("sends us elsewhere", (exchange, status, truth) -> {
            exchange.getResponseHeaders().add("Location", "https://evil.example/");
            CrookedDesk.send(exchange, 302, "");
        });
        answers.put("too large", (exchange, status, truth) ->
                CrookedDesk.send(exchange, 200, new String(new char[300_000])));
        return answers;
    }

    /** A submission whose answer is lost, foreign or forged stays unsent, and is sent again under the same claim. */
    @Test
    public void submitsOnce() throws Exception {
        Map<String, CrookedDesk.Twist> answers = answers();
        desk.twist = answers.values().iterator().next();
        Steps.submit(phone, desk.settingsUrl());
        for (Map.Entry<String, CrookedDesk.Twist> answer : answers.entrySet()) {
            desk.twist = answer.getValue();
            phone.tap(R.id.check).assertOn(StatusActivity.class);
            assertEquals(Stage.UNSENT, Phone.app().workflow().load().stage());
            assertTrue(answer.getKey() + ": " + phone.message(), phone.message().contains(answer.getKey()));
            assertFalse("codes that nobody has given", phone.shows(R.id.request_id));
        }
        desk.twist = null;
        phone.tap(R.id.check).assertOn(StatusActivity.class);
        assertEquals(CrookedDesk.ID, phone.text(R.id.request_id));
        assertNull(phone.message());
        assertTrue(desk.submitted.size() > answers.size());
        for (JSONObject each : desk.submitted) {
            assertEquals(desk.submitted.get(0).toString(), each.toString());
        }
    }

    /** A look that goes wrong changes nothing of what is known. */
    @Test
    public void looksAgain() throws Exception {
        Steps.submit(phone, desk.settingsUrl());
        for (Map.Entry<String, CrookedDesk.Twist> answer : answers().entrySet()) {
            desk.twist = answer.getValue();
            phone.tap(R.id.check).assertOn(StatusActivity.class);
            assertEquals(CrookedDesk.ID, phone.text(R.id.request_id));
            assertTrue(answer.getKey() + ": " + phone.message(), phone.message().contains(answer.getKey()));
        }
    }

    /** A desk that is gone is said to be unreachable, and what was typed is kept. */
    @Test
    public void survivesADeskThatIsDown() throws Exception {
        Steps.submit(phone, desk.settingsUrl());
        desk.stop();
        phone.tap(R.id.check).assertOn(StatusActivity.class);
        assertEquals("tries after the first one", 2, TestApplication.pauses);
        assertTrue(phone.message(), phone.message().contains("cannot be reached"));
        assertEquals(CrookedDesk.ID, phone.text(R.id.request_id));
    }

    /** No certificate of another authority, nor one for another host, is taken for the desk's. */
    @Test
    public void distrustsOtherCertificates() throws Exception {
        Steps.submit(phone, desk.settingsUrl());
        desk.showCertificate(new Authority("Somebody else"), GeneralName.iPAddress, "127.0.0.1");
        phone.tap(R.id.check);
        assertTrue(phone.message(), phone.message().contains("did not prove to be the desk"));
        desk.showCertificate(desk.root, GeneralName.dNSName, "desk.example");
        phone.tap(R.id.check);
        assertTrue(phone.message(), phone.message().contains("did not prove to be the desk"));
        desk.showCertificate(desk.root, GeneralName.iPAddress, "127.0.0.1");
        phone.tap(R.id.check);
        assertNull(phone.message());
    }

    /** Settings are fetched from nobody who does not prove to be the desk, or with another fingerprint. */
    @Test
    public void distrustsSettings() throws Exception {
        phone.start();
        Steps.settings(phone, desk.url() + "/settings/FRA1.xml");
        phone.assertOn(SettingsActivity.class);
        assertTrue(phone.message(), phone.message().contains("did not prove to be the desk"));
        String url = desk.settingsUrl();
        Steps.settings(phone, url.substring(0, url.length() - 4) + "0000");
        phone.assertOn(SettingsActivity.class);
        assertTrue(phone.message(), phone.message().contains("fingerprint"));
        assertEquals(Stage.SETTINGS, Phone.app().workflow().load().stage());
        for (String wrong : new String[] {"", "desk example", "http://desk.example/x.xml", "ftp://x/", "https://a:b@c/",
            "https://desk.example:99999/", "javascript:alert(1)", "https://desk.example/#sha256=12"}) {
            Steps.settings(phone, wrong);
            assertNotNull(wrong, phone.message());
            phone.assertOn(SettingsActivity.class);
        }
    }

    /** Whatever is published in place of settings, a sentence says what is wrong with it, and nothing is set up. */
    @Test
    public void refusesBadSettings() throws Exception {
        phone.start();
        String url = desk.settingsUrl();
        Set<Failure.Reason> seen = EnumSet.noneOf(Failure.Reason.class); // one file of each kind will do here
        for (Map.Entry<byte[], Failure.Reason> each : BadSettings.all().entrySet()) {
            if (!seen.add(each.getValue())) {
                continue;
            }
            desk.published = each.getKey();
            Steps.settings(phone, url);
            phone.assertOn(SettingsActivity.class);
            String file = new String(each.getKey(), StandardCharsets.UTF_8);
            assertEquals(file, sentence(each.getKey()), phone.message());
        }
        assertEquals(Stage.SETTINGS, Phone.app().workflow().load().stage());
        desk.published = null;
        Steps.settings(phone, url);
        phone.assertOn(ConditionsActivity.class);
    }

    private static String sentence(byte[] settings) {
        try {
            SettingsFile.parse(settings);
            throw new AssertionError("these are good");
        } catch (Failure failure) {
            boolean isCutShort = failure.reason == Failure.Reason.SETTINGS_TOO_LARGE; // while it is fetched
            return Sentences.of(Phone.app(), isCutShort ? new Failure(Failure.Reason.TOO_LARGE, "") : failure);
        }
    }

    /** Plain http is spoken by debug builds alone, and by them to nobody but the device itself. */
    @Test
    public void speaksPlainHttpOnlyWhileDebugging() throws Exception {
        String plain = desk.plainUrl() + "/settings/FRA1.xml";
        Steps.settings(phone.start(), plain);
        assertEquals("The address has to begin with https://.", phone.assertOn(SettingsActivity.class).message());
        desk.published = desk.settings(desk.plainUrl());
        Steps.settings(phone, desk.settingsUrl());
        assertEquals("The address has to begin with https://.", phone.assertOn(SettingsActivity.class).message());

        Phone.app().getApplicationInfo().flags |= ApplicationInfo.FLAG_DEBUGGABLE;
        Phone.app().onCreate();
        Phone debugged = new Phone().start();
        Steps.settings(debugged, "http://desk.example/settings/FRA1.xml");
        assertEquals("The address has to begin with https://.", debugged.assertOn(SettingsActivity.class).message());
        assertEquals(CrookedDesk.ID, Steps.submit(debugged, plain));
    }

    /** No certificate is accepted that is not this device's own, in force, for a device and from the trust anchor. */
    @Test
    public void installsNothingBad() throws Exception {
        Steps.submit(phone, desk.settingsUrl());
        SubjectPublicKeyInfo key = desk.deviceKey();
        Authority other = new Authority("Universal Post Root CA"); // the same name
        SubjectPublicKeyInfo otherKey =
                SubjectPublicKeyInfo.getInstance(CrookedDesk.newKeys().getPublic().getEncoded());
        X509CertificateHolder endEntity = new Certificate(key).by(desk.root);
        Authority subordinate = new Authority("Universal Post Root CA"); // signs, but is certified as an end entity
        X509CertificateHolder noAuthority = new Certificate(
                        SubjectPublicKeyInfo.getInstance(subordinate.keys.getPublic().getEncoded()))
                .subject("CN=Universal Post Root CA")
                .by(desk.root);
        Map<X509CertificateHolder[], String> bad = new LinkedHashMap<>();
        bad.put(path(new Certificate(otherKey).by(desk.root)), "for another key");
        bad.put(path(new Certificate(key).by(other)), "does not come from the authority");
        bad.put(path(new Certificate(key).by(other), other.certificate), "does not come from the authority");
        bad.put(path(new Certificate(key).by(subordinate), noAuthority), "does not come from the authority");
        bad.put(path(new Certificate(key).valid(-20, -1).by(desk.root)), "has expired");
        bad.put(path(new Certificate(key).valid(1, 20).by(desk.root)), "valid only from");
        bad.put(path(new Certificate(key).authority().purpose(KeyPurposeId.id_kp_clientAuth).by(desk.root)), null);
        bad.put(path(new Certificate(key).purpose(KeyPurposeId.id_kp_serverAuth).by(desk.root)), "not made for a device");
        bad.put(path(new Certificate(key).purpose(null).by(desk.root)), "not made for a device");
        bad.put(path(new Certificate(key).critical("1.2.3.4").by(desk.root)), "does not come from the authority");
        bad.put(path(new Certificate(key).signature("SHA1withECDSA").by(desk.root)), "does not come from the authority");
        for (Map.Entry<X509CertificateHolder[], String> each : bad.entrySet()) {
            desk.issue(each.getKey());
            refuses(each.getValue() == null ? "an authority’s" : each.getValue());
        }
        String pem = CrookedDesk.pem(endEntity);
        for (String unreadable : new String[] {"", "nonsense", pem + pem, pem.substring(0, 300), pem.replace("MII", "MIJ")}) {
            desk.issue(unreadable, "");
            refuses("cannot be read");
        }
        desk.issue(endEntity);
        phone.tap(R.id.check).assertOn(InstallActivity.class);
    }

    private static X509CertificateHolder[] path(X509CertificateHolder... path) {
        return path;
    }

    private void refuses(String sentence) {
        phone.tap(R.id.check).assertOn(StatusActivity.class);
        assertTrue(sentence + ": " + phone.message(), String.valueOf(phone.message()).contains(sentence));
    }

    /** What the desk refuses at once stands at the field, in its own words, and can be corrected. */
    @Test
    public void showsRefusalsAtTheirFields() throws Exception {
        desk.twist = (exchange, status, truth) -> CrookedDesk.send(
                exchange,
                422,
                "{\"type\": \"urn:certdesk:error:invalid-field\", \"detail\": \"no such town\", \"errors\":"
                        + " [{\"field\": \"location.locality\", \"detail\": \"no such town\"}]}");
        Steps.settings(phone.start(), desk.settingsUrl());
        phone.tap(R.id.go_on);
        Steps.form(phone, "Jeanne");
        phone.tap(R.id.submit).tap(R.id.send).assertOn(RequestActivity.class);
        assertEquals("no such town", phone.problem(R.id.locality));
        assertEquals("The desk refuses: no such town", phone.message());
        desk.twist = null;
        phone.type(R.id.locality, "Lyon 2").tap(R.id.submit).tap(R.id.send).assertOn(StatusActivity.class);
        assertNotEquals(
                desk.submitted.get(0).getString("claim"), desk.submitted.get(1).getString("claim"));
    }

    /** A decision against the request is told with its reason, word for word, and the form comes back filled in. */
    @Test
    public void tellsDecisions() throws Exception {
        Steps.submit(phone, desk.settingsUrl());
        desk.outcome = new JSONObject().put("status", "approved");
        phone.tap(R.id.check);
        assertTrue(phone.text(R.id.state_text).contains("is approved"));
        desk.outcome = new JSONObject().put("status", "rejected").put("reason", "call me: \u202E1 < 2 & <b>");
        phone.tap(R.id.check);
        assertEquals("Rejected", phone.text(R.id.heading));
        assertEquals("call me:  1 < 2 & <b>", phone.text(R.id.reason));
        assertFalse(phone.shows(R.id.check));
        phone.tap(R.id.new_request).assertOn(RequestActivity.class);
        assertEquals("Jeanne", phone.typed(R.id.description));
        desk.outcome = new JSONObject();
        phone.tap(R.id.submit).tap(R.id.send).assertOn(StatusActivity.class);
        assertNotEquals(
                desk.submitted.get(0).getString("claim"), desk.submitted.get(1).getString("claim"));
        desk.outcome = new JSONObject().put("status", "cancelled").put("superseded_by", "FRA1-AAAA-AAAA");
        phone.tap(R.id.check);
        assertTrue(phone.text(R.id.state_text).contains("FRA1-AAAA-AAAA"));
    }

    /** A lapsed request says so. */
    @Test
    public void tellsLapses() throws Exception {
        Steps.submit(phone, desk.settingsUrl());
        desk.outcome = new JSONObject().put("status", "lapsed");
        phone.tap(R.id.check);
        assertEquals("Lapsed", phone.text(R.id.heading));
    }

    /** An installation that the desk could not be told of is told at the next start, once. */
    @Test
    public void reportsLater() throws Exception {
        Steps.submit(phone, desk.settingsUrl());
        desk.issueProperly(-1, 300);
        phone.tap(R.id.check).assertOn(InstallActivity.class);
        desk.twist = answers().get("(HTTP 500)");
        Steps.install(phone);
        phone.assertOn(CertificateActivity.class);
        desk.twist = null;
        desk.installed = 0;
        phone.tap(R.id.check).tap(R.id.check);
        assertEquals(1, desk.installed);
    }
}
