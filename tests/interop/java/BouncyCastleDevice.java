import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import javax.net.ssl.KeyManager;
import javax.security.auth.x500.X500Principal;

import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.est.CSRAttributesResponse;
import org.bouncycastle.est.ESTException;
import org.bouncycastle.est.ESTService;
import org.bouncycastle.est.EnrollmentResponse;
import org.bouncycastle.est.HttpAuth;
import org.bouncycastle.est.jcajce.JcaJceUtils;
import org.bouncycastle.est.jcajce.JsseESTServiceBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/**
 * Devices that enroll with the EST client of Bouncy Castle.
 *
 * <pre>java -cp … BouncyCastleDevice.java HOST:PORT ROOT.PEM</pre>
 *
 * reads what to do line by line, and prints in JSON what came of each:
 *
 * <pre>
 * LABEL cacerts                 asks for the CAs' certificates
 * LABEL csrattrs                asks what a CSR shall have
 * LABEL enroll NAME [CODE]      makes a key and asks for a certificate
 * LABEL again NAME              asks again
 * LABEL renew NAME              makes another key, and asks by TLS with the certificate
 * LABEL keygen NAME CODE        asks for a key and a certificate
 * </pre>
 */
public final class BouncyCastleDevice {
    private static final char[] NONE = {};

    private final String server;
    private String label = "";
    private final X509Certificate root;
    private final Map<String, KeyPair> keys = new HashMap<>();
    private final Map<String, EnrollmentResponse> answers = new HashMap<>();
    private final Map<String, Certificate> certificates = new HashMap<>();

    private BouncyCastleDevice(String server, X509Certificate root) {
        this.server = server;
        this.root = root;
    }

    public static void main(String[] words) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        X509Certificate root;
        try (InputStream pem = new FileInputStream(words[1])) {
            root = (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(pem);
        }
        BouncyCastleDevice device = new BouncyCastleDevice(words[0], root);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(device.told(line.split(" ")));
        }
    }

    private String told(String... words) throws Exception {
        label = words[0];
        try {
            switch (words[1]) {
                case "cacerts":
                    return json("subjects", subjects());
                case "csrattrs":
                    return json("oids", oids());
                default:
                    return enrolled(words[1], words[2], words.length > 3 ? words[3] : "");
            }
        } catch (ESTException error) {
            InputStream body = error.getBody();
            String text = body == null ? "" : new String(body.readAllBytes(), StandardCharsets.UTF_8).strip();
            if (error.getStatusCode() == 0) {
                throw error;
            }
            return json("status", String.valueOf(error.getStatusCode()), "text", text);
        }
    }

    private List<String> subjects() throws Exception {
        List<String> subjects = new ArrayList<>();
        for (X509CertificateHolder each : ESTService.storeToArray(service().getCACerts().getCertificateStore())) {
            subjects.add(each.getSubject().toString());
        }
        return subjects;
    }

    private List<String> oids() throws Exception {
        CSRAttributesResponse wanted = service().getCSRAttributes().getAttributesResponse();
        List<String> oids = new ArrayList<>();
        for (ASN1ObjectIdentifier each : wanted.getRequirements()) {
            oids.add(each.getId());
        }
        return oids;
    }

    private String enrolled(String what, String name, String code) throws Exception {
        // The client sends a code when it is asked for one with 401.
        HttpAuth auth = code.isEmpty() ? null : new HttpAuth("device", code.toCharArray());
        EnrollmentResponse answer;
        switch (what) {
            case "enroll":
                answer = service().simpleEnroll(false, csr(name), auth);
                break;
            case "again":
                answer = service().simpleEnroll(answers.get(name));
                break;
            case "renew":
                KeyManager[] old = certified(keys.get(name), certificates.get(name));
                answer = service(old).simpleEnroll(true, csr(name), null);
                break;
            case "keygen":
                answer = service().simpleEnrollWithServersideCreation(csr(name), auth);
                break;
            default:
                throw new IllegalArgumentException(what);
        }
        answers.put(name, answer);
        if (!answer.isCompleted()) {
            return json("status", "PENDING", "now", String.valueOf(answer.canRetry()));
        }
        X509CertificateHolder issued = ESTService.storeToArray(answer.getStore())[0];
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        certificates.put(name, factory.generateCertificate(new ByteArrayInputStream(issued.getEncoded())));
        String certificate = Base64.getEncoder().encodeToString(issued.getEncoded());
        if (answer.getPrivateKeyInfo() == null) {
            return json("certificate", certificate);
        }
        byte[] pkcs8 = answer.getPrivateKeyInfo().getEncoded();
        PrivateKey key = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
        return json("certificate", certificate, "key", Base64.getEncoder().encodeToString(key.getEncoded()));
    }

    private ESTService service(KeyManager... identity) throws Exception {
        JsseESTServiceBuilder builder = new JsseESTServiceBuilder(
                server, JcaJceUtils.getCertPathTrustManager(Set.of(new TrustAnchor(root, null)), null));
        builder.withLabel(label);
        if (identity.length > 0) {
            builder.withKeyManagers(identity);
        }
        return builder.build();
    }

    private PKCS10CertificationRequest csr(String name) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec("secp256r1"));
        KeyPair key = generator.generateKeyPair();
        keys.put(name, key);
        return new JcaPKCS10CertificationRequestBuilder(new X500Principal("CN=" + name), key.getPublic())
                .build(new JcaContentSignerBuilder("SHA256withECDSA").build(key.getPrivate()));
    }

    private static KeyManager[] certified(KeyPair key, Certificate certificate) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, NONE);
        store.setKeyEntry("device", key.getPrivate(), NONE, new Certificate[] {certificate});
        return JcaJceUtils.createKeyManagerFactory("SunX509", null, store, NONE).getKeyManagers();
    }

    private static String json(Object... namesAndValues) {
        StringBuilder text = new StringBuilder("{");
        for (int at = 0; at < namesAndValues.length; at += 2) {
            text.append(at == 0 ? "" : ", ").append(quoted(namesAndValues[at])).append(": ");
            if (namesAndValues[at + 1] instanceof Collection<?> values) {
                text.append(values.stream().map(BouncyCastleDevice::quoted).toList());
            } else {
                text.append(quoted(namesAndValues[at + 1]));
            }
        }
        return text.append("}").toString();
    }

    private static String quoted(Object value) {
        return '"' + value.toString().replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
