package org.certdesk.enroll.core;

import java.io.IOException;
import java.math.BigInteger;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.cert.X509CertificateHolder;
import org.json.JSONException;
import org.json.JSONObject;

/** A verified certificate with its key. */
public final class Issued {
    private static final long LONGEST_REMINDER = 30L * 24 * 60 * 60 * 1000;
    private static final byte[] NONE = {};

    public final String requestId;
    final String claim;
    /** The certificate and its issuers, without the trust anchor. */
    final List<X509CertificateHolder> path;
    /** The key until it has been installed, null from then on. */
    final StoredKey key;
    /** Key and path under the registration password; empty until installed. */
    final byte[] pkcs12;
    /** A copy of the key for the renewal; empty if the device has nothing to seal with. */
    final byte[] sealed;
    /** Milliseconds since 1970; 0 until then. */
    public final long installedAt;
    public final boolean inSystem;
    final boolean reported;

    Issued(
            String requestId,
            String claim,
            List<X509CertificateHolder> path,
            StoredKey key,
            byte[] pkcs12,
            byte[] sealed,
            long installedAt,
            boolean inSystem,
            boolean reported) {
        this.requestId = requestId;
        this.claim = claim;
        this.path = Collections.unmodifiableList(path);
        this.key = key;
        this.pkcs12 = pkcs12;
        this.sealed = sealed;
        this.installedAt = installedAt;
        this.inSystem = inSystem;
        this.reported = reported;
    }

    static Issued collected(String requestId, Order order, List<X509CertificateHolder> path) {
        return new Issued(requestId, order.claim, path, order.key, NONE, NONE, 0, false, false);
    }

    Issued withKey(StoredKey changed) {
        return new Issued(requestId, claim, path, changed, pkcs12, sealed, installedAt, inSystem, reported);
    }

    Issued withPkcs12(byte[] file, byte[] sealedCopy) {
        return new Issued(requestId, claim, path, null, file, sealedCopy, installedAt, inSystem, reported);
    }

    Issued installed(long at, boolean systemToo) {
        return new Issued(requestId, claim, path, key, pkcs12, sealed, at, systemToo, reported);
    }

    Issued reported() {
        return new Issued(requestId, claim, path, key, pkcs12, sealed, installedAt, inSystem, true);
    }

    public boolean hasPkcs12() {
        return pkcs12.length > 0;
    }

    private X509CertificateHolder certificate() {
        return path.get(0);
    }

    public String subject() {
        return lines(certificate().getSubject());
    }

    public String issuer() {
        return lines(certificate().getIssuer());
    }

    /** Returns a name with an attribute a line, the common name first. */
    private static String lines(X500Name name) {
        StringBuilder text = new StringBuilder();
        RDN[] attributes = name.getRDNs();
        for (int at = attributes.length - 1; at >= 0; at--) {
            X500Name single = new X500Name(new RDN[] {attributes[at]});
            text.append(text.length() == 0 ? "" : "\n").append(BCStyle.INSTANCE.toString(single));
        }
        return text.toString();
    }

    /** Returns the serial number as the desk writes it: 32 hexadecimal digits. */
    public String serialNumber() {
        BigInteger number = certificate().getSerialNumber();
        return String.format((Locale) null, "%032x", number);
    }

    public Date notBefore() {
        return certificate().getNotBefore();
    }

    public Date notAfter() {
        return certificate().getNotAfter();
    }

    /** Returns SHA-256 of the certificate in hexadecimal. */
    public String fingerprint() {
        return Digests.hex(Digests.sha256(der()));
    }

    /** Returns the certificate, DER. */
    public byte[] der() {
        try {
            return certificate().getEncoded();
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** Tells whether it is time to renew: in the last third of the validity, at most 30 days before its end. */
    public boolean isRenewalDue(long now) {
        long lifetime = notAfter().getTime() - notBefore().getTime();
        return now >= notAfter().getTime() - Math.min(lifetime / 3, LONGEST_REMINDER);
    }

    public boolean isExpired(long now) {
        return now > notAfter().getTime();
    }

    JSONObject toJson() throws JSONException {
        StringBuilder pem = new StringBuilder();
        for (X509CertificateHolder each : path) {
            pem.append(CertificateCheck.pem(each));
        }
        return new JSONObject()
                .put("request_id", requestId)
                .put("claim", claim)
                .put("path", pem.toString())
                .put("key", key == null ? JSONObject.NULL : key.toJson())
                .put("pkcs12", Base64Text.encode(pkcs12))
                .put("sealed", Base64Text.encode(sealed))
                .put("installed_at", installedAt)
                .put("in_system", inSystem)
                .put("reported", reported);
    }

    static Issued fromJson(JSONObject json) throws JSONException, Failure {
        return new Issued(
                json.getString("request_id"),
                json.getString("claim"),
                CertificateCheck.read(json.getString("path")),
                json.isNull("key") ? null : StoredKey.fromJson(json.getJSONObject("key")),
                Enrollment.octets(json, "pkcs12"),
                Enrollment.octets(json, "sealed"),
                json.getLong("installed_at"),
                json.getBoolean("in_system"),
                json.getBoolean("reported"));
    }
}
