package org.certdesk.enroll.core;

import java.io.File;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.List;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.pkcs.PKCSException;
import org.certdesk.enroll.core.Failure.Reason;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * The workflow of an enrollment, and the only writer of it: configured, prepared, requested, issued, installed, renewed.
 *
 * <p>Each step makes at most one call and then at most one write, so a kill between any two leaves a state from which
 * the same step goes on. Nothing is sent before it has been written.
 */
public final class Workflow {
    private final EnrollmentFile file;
    private final PasswordGate gate;
    private final DeviceReport device;
    private final Seal seal;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();
    private final boolean allowLoopback;

    /**
     * @param folder the app's private storage
     * @param allowLoopback whether plain http to this device is accepted, which only debug builds do
     */
    public Workflow(File folder, DeviceReport device, Seal seal, Clock clock, boolean allowLoopback) {
        this.file = new EnrollmentFile(new File(folder, "enrollment.json"));
        this.gate = new PasswordGate(new EnrollmentFile(new File(folder, "attempts")), clock);
        this.device = device;
        this.seal = seal;
        this.clock = clock;
        this.allowLoopback = allowLoopback;
    }

    /** Returns what is remembered. */
    public Enrollment load() throws Failure {
        String stored = file.read();
        return stored.isEmpty() ? Enrollment.empty() : Enrollment.fromJson(stored);
    }

    private Enrollment keep(Enrollment.Builder change) throws Failure {
        Enrollment next = change.build();
        file.write(next.toJson());
        return next;
    }

    // Settings

    /** Fetches the settings, makes the key under the registration password and remembers both. */
    public synchronized Enrollment configure(String unverifiedUrl, String password) throws Failure {
        DeskUrl url = DeskUrl.parse(unverifiedUrl, allowLoopback);
        SettingsSource source = SettingsSource.fetch(url, allowLoopback, device.app(), clock);
        DeviceKey key = DeviceKey.generate(source.settings.keyType, random);
        Enrollment.Builder change = Enrollment.empty().change();
        change.settingsUrl = url.toString();
        change.settingsXml = source.xml;
        change.trustSystem = source.trustSystem;
        change.spareCsr = key.csr();
        change.spareKey = lock(key, Password.prepare(password));
        change.draft = load().draft;
        return keep(change);
    }

    /** Forgets keys, request and certificate; the address of the settings and what was typed stay. */
    public synchronized Enrollment startOver() throws Failure {
        Enrollment.Builder change = Enrollment.empty().change();
        try {
            Enrollment before = load();
            change.settingsUrl = before.settingsUrl;
            change.draft = before.sent();
        } catch (Failure damaged) {
            if (damaged.reason != Reason.DAMAGED) {
                throw damaged;
            }
        }
        return keep(change);
    }

    // Request

    /** Remembers what has been typed so far. */
    public synchronized void draft(Form form) throws Failure {
        Enrollment before = load();
        if (before.spareKey != null && !form.equals(before.draft)) {
            Enrollment.Builder change = before.change();
            change.draft = form;
            keep(change);
        }
    }

    /** Writes down a request with a fresh claim; {@link #submit} sends it. */
    public synchronized Enrollment prepare(Form form) throws Failure {
        Enrollment before = load();
        if (before.spareKey == null) {
            throw new Failure(Reason.DEFECT);
        }
        Enrollment.Builder change = before.change();
        change.draft = form;
        change.prepared = new Order(before.spareCsr, before.spareKey, newClaim(), form, "", "");
        return keep(change);
    }

    /** Sends the prepared order, for the first or the tenth time; there is nothing to do when there is none. */
    public synchronized Enrollment submit() throws Failure {
        Enrollment before = load();
        Order order = before.prepared;
        if (order == null) {
            return before;
        }
        DeskAnswer answer;
        try {
            answer = order.isRenewal()
                    ? desk(before).renew(order.renews, renewal(order))
                    : desk(before).submit(submission(order, before.settings()));
        } catch (Failure failure) {
            if (failure.reason == Reason.REFUSED) {
                Enrollment.Builder change = before.change();
                change.prepared = null; // asking the same again is useless
                keep(change);
            }
            throw failure;
        }
        Enrollment.Builder change = before.change();
        change.prepared = null;
        change.requested = believe(answer, before.settings(), order);
        if (!answer.certificate.isEmpty()) { // a renewal is decided at once
            collect(change, answer, before.settings());
        }
        return keep(change);
    }

    /** Sends what is unsent, asks where the request stands, takes the certificate when it is there, and reports it. */
    public synchronized Enrollment check() throws Failure {
        Enrollment now = submit();
        if (now.requested != null && now.requested.status.isOpen()) {
            DeskAnswer answer = desk(now).look(now.requested.id, now.requested.order.claim);
            Enrollment.Builder change = now.change();
            change.requested = believe(answer, now.settings(), now.requested.order);
            if (!answer.id.equals(now.requested.id)) {
                throw new Failure(Reason.OTHER_REQUEST);
            }
            if (change.requested.status == RequestStatus.ISSUED) {
                collect(change, answer, now.settings());
            }
            now = keep(change);
        }
        return report(now);
    }

    private Requested believe(DeskAnswer answer, Settings settings, Order order) throws Failure {
        String code = Digests.verificationCode(spki(order));
        if (!answer.organisation.equals(settings.organisation)
                || !answer.kind.equals("mobile")
                || !answer.verificationCode.equals(code)) {
            throw new Failure(Reason.OTHER_REQUEST);
        }
        return new Requested(
                order, answer.id, answer.status, code, answer.reason, answer.lapsesAt, answer.supersededBy);
    }

    private void collect(Enrollment.Builder change, DeskAnswer answer, Settings settings) throws Failure {
        Order order = change.requested.order;
        List<X509CertificateHolder> path = CertificateCheck.verify(
                answer.certificate, answer.chain, spki(order), settings.trustAnchors, clock.now());
        Issued issued = Issued.collected(answer.id, order, path);
        if (order.isRenewal()) {
            change.successor = issued;
        } else {
            change.issued = issued;
        }
        change.requested = null;
        change.spareKey = null;
        change.spareCsr = new byte[0];
        change.draft = null;
    }

    // Installation

    /**
     * Puts key and certificate into one PKCS#12 file under the registration password, and returns it in the form for
     * Android's credential store; {@link #installed} ends the installation.
     */
    public synchronized byte[] install(String unverifiedPassword) throws Failure {
        final Enrollment before = load();
        final Issued waiting = before.newest();
        return gate.pass(unverifiedPassword, new PasswordGate.Attempt<byte[]>() {
            @Override
            public byte[] with(String password) throws Failure {
                DeviceKey key = waitingKey(before, password);
                Enrollment.Builder change = before.change();
                change.issued = waiting.withPkcs12(pkcs12(key, waiting, password), sealed(key));
                change.successor = null;
                keep(change);
                return handedOver(key, waiting, password);
            }
        });
    }

    /** Returns the key of the certificate that waits to be installed. */
    private DeviceKey waitingKey(Enrollment enrollment, String password) throws Failure {
        Issued waiting = enrollment.newest();
        if (waiting.hasPkcs12()) {
            return Pkcs12.unlock(waiting.pkcs12, password);
        }
        if (waiting.key.isLocked()) {
            return PasswordCipher.unlock(waiting.key.locked, password);
        }
        Pkcs12.unlock(enrollment.issued.pkcs12, password); // a renewal stays under the same password
        return unseal(waiting.key.sealed);
    }

    /** Notes that the certificate is installed here, and whether Android's credential store has it too. */
    public synchronized Enrollment installed(boolean inSystem) throws Failure {
        Enrollment before = load();
        Enrollment.Builder change = before.change();
        change.issued = before.issued.installed(clock.now(), inSystem);
        return keep(change);
    }

    /** Tells the desk that the certificate is installed, once. */
    private Enrollment report(Enrollment now) throws Failure {
        if (now.issued == null || now.issued.installedAt == 0 || now.issued.reported) {
            return now;
        }
        desk(now).installed(now.issued.requestId, now.issued.claim);
        Enrollment.Builder change = now.change();
        change.issued = now.issued.reported();
        return keep(change);
    }

    // Renewal

    /** Tells whether {@link #renew()} has something to do. */
    public boolean isRenewalDue() throws Failure {
        Enrollment now = load();
        return now.stage() == Enrollment.Stage.ENROLLED
                && now.prepared == null
                && now.requested == null
                && now.issued.isRenewalDue(clock.now())
                && !now.issued.isExpired(clock.now());
    }

    /** Renews by the sealed copy of the key; fails with {@code KEY_LOCKED} when the password is needed. */
    public synchronized Enrollment renew() throws Failure {
        Enrollment before = load();
        if (before.issued.sealed.length == 0) {
            throw new Failure(Reason.KEY_LOCKED);
        }
        DeviceKey old = unseal(before.issued.sealed);
        DeviceKey fresh = DeviceKey.generate(before.settings().keyType, random);
        prepareRenewal(before, old, fresh, StoredKey.sealed(sealed(fresh)));
        return check();
    }

    /** Renews with the registration password; {@link #install} with the same one then finishes it. */
    public synchronized Enrollment renew(String unverifiedPassword) throws Failure {
        final Enrollment before = load();
        gate.pass(unverifiedPassword, new PasswordGate.Attempt<Enrollment>() {
            @Override
            public Enrollment with(String password) throws Failure {
                DeviceKey old = Pkcs12.unlock(before.issued.pkcs12, password);
                DeviceKey fresh = DeviceKey.generate(before.settings().keyType, random);
                return prepareRenewal(before, old, fresh, lock(fresh, password));
            }
        });
        return check();
    }

    private Enrollment prepareRenewal(Enrollment before, DeviceKey old, DeviceKey fresh, StoredKey stored)
            throws Failure {
        byte[] csr = fresh.csr();
        String proof = Base64Text.encode(old.signRenewal(csr));
        Enrollment.Builder change = before.change();
        change.prepared = new Order(
                csr, stored, newClaim(), Form.proposed(before.settings()), before.issued.serialNumber(), proof);
        return keep(change);
    }

    // Password

    /** Puts everything that is locked under another password. */
    public synchronized Enrollment changePassword(String unverifiedOld, final String unverifiedNew) throws Failure {
        final Enrollment before = load();
        return gate.pass(unverifiedOld, new PasswordGate.Attempt<Enrollment>() {
            @Override
            public Enrollment with(String old) throws Failure {
                return keep(relocked(before, old, Password.prepare(unverifiedNew)));
            }
        });
    }

    private Enrollment.Builder relocked(Enrollment before, String old, String fresh) throws Failure {
        Enrollment.Builder change = before.change();
        change.spareKey = relock(before.spareKey, old, fresh);
        if (before.prepared != null) {
            change.prepared = before.prepared.withKey(relock(before.prepared.key, old, fresh));
        }
        if (before.requested != null) {
            Order order = before.requested.order;
            change.requested = before.requested.withOrder(order.withKey(relock(order.key, old, fresh)));
        }
        if (before.issued != null) {
            change.issued = relock(before.issued, old, fresh);
        }
        if (before.successor != null) {
            change.successor = relock(before.successor, old, fresh);
        }
        return change;
    }

    private StoredKey relock(StoredKey key, String old, String fresh) throws Failure {
        return key == null || !key.isLocked() ? key : lock(PasswordCipher.unlock(key.locked, old), fresh);
    }

    private Issued relock(Issued issued, String old, String fresh) throws Failure {
        if (!issued.hasPkcs12()) {
            return issued.withKey(relock(issued.key, old, fresh));
        }
        DeviceKey key = Pkcs12.unlock(issued.pkcs12, old);
        return issued.withPkcs12(pkcs12(key, issued, fresh), issued.sealed);
    }

    // Sibling apps

    /** Returns the credential for a sibling app whose user has entered the registration password: PKCS#12 under it. */
    public byte[] credential(String unverifiedPassword) throws Failure {
        final Issued issued = load().issued;
        if (issued == null || !issued.hasPkcs12()) {
            throw new Failure(Reason.KEY_LOCKED);
        }
        return gate.pass(unverifiedPassword, new PasswordGate.Attempt<byte[]>() {
            @Override
            public byte[] with(String password) throws Failure {
                return handedOver(Pkcs12.unlock(issued.pkcs12, password), issued, password);
            }
        });
    }

    // Parts

    private Desk desk(Enrollment enrollment) throws Failure {
        Settings settings = enrollment.settings();
        DeskUrl.parse(settings.deskUrl, allowLoopback);
        Exchange exchange =
                new Exchange(Trust.of(settings.trustAnchors, enrollment.trustSystem), device.app(), clock);
        return new Desk(settings.deskUrl, exchange);
    }

    private JSONObject submission(Order order, Settings settings) throws Failure {
        Form form = FormCheck.normalise(order.form);
        try {
            return new JSONObject()
                    .put("organisation", settings.organisation)
                    .put("kind", "mobile")
                    .put("csr", pemOf(order))
                    .put("claim", order.claim)
                    .put("contact", new JSONObject()
                            .put("email", form.get(Form.Field.EMAIL))
                            .put("phone", form.get(Form.Field.PHONE)))
                    .put("location", new JSONObject()
                            .put("state_or_province", form.get(Form.Field.STATE_OR_PROVINCE))
                            .put("locality", form.get(Form.Field.LOCALITY)))
                    .put("description", form.get(Form.Field.DESCRIPTION))
                    .put("device", new JSONObject()
                            .put("id", device.id(settings.organisation))
                            .put("model", device.model())
                            .put("platform", device.platform())
                            .put("app", device.app())
                            .put("conditions", new JSONObject()
                                    .put("screen_lock", device.hasScreenLock())
                                    .put("rooted", device.isRooted())));
        } catch (JSONException impossible) {
            throw new Failure(Reason.DEFECT).causedBy(impossible);
        }
    }

    private static JSONObject renewal(Order order) throws Failure {
        try {
            return new JSONObject().put("csr", pemOf(order)).put("claim", order.claim).put("proof", order.proof);
        } catch (JSONException impossible) {
            throw new Failure(Reason.DEFECT).causedBy(impossible);
        }
    }

    private static String pemOf(Order order) {
        return Base64Text.pem("CERTIFICATE REQUEST", order.csr);
    }

    private static byte[] spki(Order order) throws Failure {
        try {
            return new org.bouncycastle.pkcs.PKCS10CertificationRequest(order.csr)
                    .getSubjectPublicKeyInfo()
                    .getEncoded();
        } catch (IOException damaged) {
            throw new Failure(Reason.DAMAGED).causedBy(damaged);
        }
    }

    private String newClaim() {
        byte[] claim = new byte[32];
        random.nextBytes(claim);
        return Base64Text.encodeForUrl(claim);
    }

    private StoredKey lock(DeviceKey key, String password) throws Failure {
        try {
            return StoredKey.locked(PasswordCipher.lock(key, password, random));
        } catch (IOException impossible) {
            throw new Failure(Reason.DEFECT).causedBy(impossible);
        }
    }

    private byte[] sealed(DeviceKey key) throws Failure {
        try {
            return seal.seal(key.pkcs8());
        } catch (GeneralSecurityException noSeal) {
            return new byte[0]; // renewal will ask for the password
        } catch (IOException impossible) {
            throw new Failure(Reason.DEFECT).causedBy(impossible);
        }
    }

    private DeviceKey unseal(byte[] sealed) throws Failure {
        try {
            return DeviceKey.fromPkcs8(seal.open(sealed));
        } catch (GeneralSecurityException | IOException lost) {
            throw new Failure(Reason.KEY_LOCKED).causedBy(lost);
        }
    }

    private byte[] pkcs12(DeviceKey key, Issued issued, String password) throws Failure {
        try {
            return Pkcs12.kept(key, issued.path, password, random);
        } catch (IOException | PKCSException impossible) {
            throw new Failure(Reason.DEFECT).causedBy(impossible);
        }
    }

    private byte[] handedOver(DeviceKey key, Issued issued, String password) throws Failure {
        try {
            return Pkcs12.handedOver(key, issued.path, password, random);
        } catch (IOException | PKCSException impossible) {
            throw new Failure(Reason.DEFECT).causedBy(impossible);
        }
    }
}
