package org.certdesk.enroll;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringReader;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.json.JSONObject;
import org.junit.rules.ExternalResource;

/** A desk that answers as it is told: the way a broken, a forged or an attacked one would. */
public final class CrookedDesk extends ExternalResource {
    private static final long DAY = 24 * 60 * 60 * 1000L;
    static final String ID = "FRA1-7GQ4-2KXT";

    /** An authority with its key. */
    static final class Authority {
        final KeyPair keys = newKeys();
        final X500Name name;
        final X509CertificateHolder certificate;

        Authority(String name) {
            this.name = new X500Name("CN=" + name);
            certificate = new Certificate(SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()))
                    .subject("CN=" + name)
                    .authority()
                    .by(this);
        }
    }

    /** A certificate in the making. */
    static final class Certificate {
        private final SubjectPublicKeyInfo key;
        private X500Name subject = new X500Name("C=FR,ST=Rhône,L=Lyon,O=La Poste,CN=" + ID);
        private long from = -DAY;
        private long until = 300 * DAY;
        private boolean authority;
        private KeyPurposeId purpose = KeyPurposeId.id_kp_clientAuth;
        private String critical = "";
        private GeneralName host;
        private String signature = "SHA256withECDSA";

        Certificate(SubjectPublicKeyInfo key) {
            this.key = key;
        }

        Certificate subject(String name) {
            subject = new X500Name(name);
            return this;
        }

        Certificate authority() {
            authority = true;
            purpose = null;
            return this;
        }

        Certificate purpose(KeyPurposeId other) {
            purpose = other;
            return this;
        }

        Certificate valid(long fromDays, long untilDays) {
            from = fromDays * DAY;
            until = untilDays * DAY;
            return this;
        }

        Certificate host(int type, String name) {
            host = new GeneralName(type, name);
            purpose = KeyPurposeId.id_kp_serverAuth;
            return this;
        }

        Certificate critical(String oid) {
            critical = oid;
            return this;
        }

        Certificate signature(String algorithm) {
            signature = algorithm;
            return this;
        }

        X509CertificateHolder by(Authority issuer) {
            long now = System.currentTimeMillis();
            X509v3CertificateBuilder builder = new X509v3CertificateBuilder(
                    issuer.name == null ? subject : issuer.name,
                    new BigInteger(120, new SecureRandom()),
                    new Date(now + from),
                    new Date(now + until),
                    subject,
                    key);
            try {
                builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(authority));
                if (purpose != null) {
                    builder.addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(purpose));
                }
                if (host != null) {
                    builder.addExtension(Extension.subjectAlternativeName, false, new GeneralNames(host));
                }
                if (!critical.isEmpty()) {
                    builder.addExtension(
                            new org.bouncycastle.asn1.ASN1ObjectIdentifier(critical), true, new byte[] {5, 0});
                }
                return builder.build(new JcaContentSignerBuilder(signature).build(issuer.keys.getPrivate()));
            } catch (Exception defect) {
                throw new AssertionError(defect);
            }
        }
    }

    /** What is answered instead of the truth. */
    interface Twist {
        void answer(HttpExchange exchange, int status, String truth) throws IOException;
    }

    final Authority root = new Authority("Universal Post Root CA");
    /** Bodies of the submissions and renewals. */
    final List<JSONObject> submitted = Collections.synchronizedList(new ArrayList<>());
    /** How the status of the request is told. */
    volatile JSONObject outcome = new JSONObject();
    volatile Twist twist;
    volatile int installed;
    /** What is published in place of good settings. */
    volatile byte[] published;
    private HttpsServer server;
    private HttpServer plain;
    private volatile X509ExtendedKeyManager shown;

    @Override
    protected void before() throws Exception {
        server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        showCertificate(root, GeneralName.iPAddress, "127.0.0.1");
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(new KeyManager[] {new Shown()}, null, null);
        server.setHttpsConfigurator(new HttpsConfigurator(context));
        server.createContext("/", this::answer);
        server.start();
        plain = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        plain.createContext("/", this::answer);
        plain.start();
    }

    String url() {
        return "https://127.0.0.1:" + server.getAddress().getPort();
    }

    /** Returns where it can be called without TLS. */
    String plainUrl() {
        return "http://127.0.0.1:" + plain.getAddress().getPort();
    }

    /** Returns the address of the settings with the fingerprint of the root. */
    String settingsUrl() throws Exception {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(root.certificate.getEncoded());
        StringBuilder text = new StringBuilder();
        for (byte octet : digest) {
            text.append(String.format("%02X", octet));
        }
        return url().replace("https://", "certdesk://") + "/settings/FRA1.xml#sha256=" + text;
    }

    /** Takes another TLS certificate for the connections to come. */
    void showCertificate(Authority issuer, int type, String host) throws Exception {
        KeyPair keys = newKeys();
        X509CertificateHolder holder = new Certificate(
                        SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()))
                .subject("CN=desk")
                .host(type, host)
                .by(issuer);
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        JcaX509CertificateConverter converter = new JcaX509CertificateConverter();
        store.setKeyEntry("desk", keys.getPrivate(), new char[0], new X509Certificate[] {
            converter.getCertificate(holder), converter.getCertificate(issuer.certificate)
        });
        KeyManagerFactory managers = KeyManagerFactory.getInstance("PKIX");
        managers.init(store, new char[0]);
        shown = (X509ExtendedKeyManager) managers.getKeyManagers()[0];
    }

    /** Shows the certificate that is the desk's at the moment. */
    private final class Shown extends X509ExtendedKeyManager {
        @Override
        public String chooseEngineServerAlias(String type, Principal[] issuers, SSLEngine engine) {
            return shown.chooseEngineServerAlias(type, issuers, engine);
        }

        @Override
        public X509Certificate[] getCertificateChain(String alias) {
            return shown.getCertificateChain(alias);
        }

        @Override
        public PrivateKey getPrivateKey(String alias) {
            return shown.getPrivateKey(alias);
        }

        @Override
        public String[] getServerAliases(String type, Principal[] issuers) {
            return shown.getServerAliases(type, issuers);
        }

        @Override
        public String chooseServerAlias(String type, Principal[] issuers, Socket socket) {
            return shown.chooseServerAlias(type, issuers, socket);
        }

        @Override
        public String[] getClientAliases(String type, Principal[] issuers) {
            return null;
        }

        @Override
        public String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) {
            return null;
        }
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (path.startsWith("/settings/")) {
                send(exchange, 200, published == null ? settings(url()) : published);
                return;
            }
            String truth = truth(path, body);
            Twist now = twist;
            if (now == null) {
                send(exchange, 200, truth);
            } else {
                now.answer(exchange, 200, truth);
            }
        } catch (Exception defect) {
            throw new IOException(defect);
        } finally {
            exchange.close();
        }
    }

    private String truth(String path, String body) throws Exception {
        if (path.endsWith("/installed")) {
            installed++;
        } else if (!body.isEmpty()) {
            submitted.add(new JSONObject(body));
        }
        JSONObject answer = new JSONObject()
                .put("id", ID)
                .put("organisation", "FRA1")
                .put("kind", "mobile")
                .put("status", "requested")
                .put("verification_code", verificationCode());
        for (java.util.Iterator<String> names = outcome.keys(); names.hasNext(); ) {
            String name = names.next();
            answer.put(name, outcome.get(name));
        }
        return answer.toString();
    }

    static void send(HttpExchange exchange, int status, String text) throws IOException {
        send(exchange, status, text.getBytes(StandardCharsets.UTF_8));
    }

    private static void send(HttpExchange exchange, int status, byte[] octets) throws IOException {
        exchange.sendResponseHeaders(status, octets.length);
        try (OutputStream body = exchange.getResponseBody()) {
            body.write(octets);
        }
    }

    byte[] settings(String deskUrl) throws IOException {
        String text = "<settings xmlns='urn:certdesk:settings:1' version='1'><organisation>FRA1</organisation>"
                + "<name>La Poste</name><country>FR</country><desk-url>" + deskUrl + "</desk-url><trust-anchors>"
                + "<certificate>" + Base64.getEncoder().encodeToString(root.certificate.getEncoded())
                + "</certificate></trust-anchors><key-type>EC P-256</key-type>"
                + "<poll-seconds>60</poll-seconds></settings>";
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Returns the key that the device has asked for a certificate for, last. */
    SubjectPublicKeyInfo deviceKey() throws Exception {
        String pem = submitted.get(submitted.size() - 1).getString("csr");
        try (PEMParser parser = new PEMParser(new StringReader(pem))) {
            return ((PKCS10CertificationRequest) parser.readObject()).getSubjectPublicKeyInfo();
        }
    }

    private String verificationCode() throws Exception {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(deviceKey().getEncoded());
        return String.format(
                "%06d", new BigInteger(1, digest).shiftRight(192).mod(BigInteger.valueOf(1_000_000)));
    }

    /** Issues what may be a certificate. */
    void issue(String pem, String chain) throws Exception {
        outcome = new JSONObject()
                .put("status", "issued")
                .put("certificate", new JSONObject().put("pem", pem))
                .put("chain", chain);
    }

    void issue(X509CertificateHolder... path) throws Exception {
        StringBuilder chain = new StringBuilder();
        for (int at = 1; at < path.length; at++) {
            chain.append(pem(path[at]));
        }
        issue(pem(path[0]), chain.toString());
    }

    /** Issues a certificate that there is nothing to say against. */
    void issueProperly(long fromDays, long untilDays) throws Exception {
        issue(new Certificate(deviceKey()).valid(fromDays, untilDays).by(root));
    }

    static String pem(X509CertificateHolder certificate) throws IOException {
        return "-----BEGIN CERTIFICATE-----\n"
                + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(certificate.getEncoded())
                + "\n-----END CERTIFICATE-----\n";
    }

    static KeyPair newKeys() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(256);
            return generator.generateKeyPair();
        } catch (Exception defect) {
            throw new AssertionError(defect);
        }
    }

    /** Is gone. */
    void stop() {
        server.stop(0);
        plain.stop(0);
    }

    @Override
    protected void after() {
        stop();
    }
}
