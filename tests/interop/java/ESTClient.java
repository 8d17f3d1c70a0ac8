import java.io.FileInputStream;
import java.io.FileReader;
import java.io.FileWriter;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.Set;
import javax.net.ssl.KeyManagerFactory;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.est.ESTAuth;
import org.bouncycastle.est.ESTException;
import org.bouncycastle.est.ESTService;
import org.bouncycastle.est.EnrollmentResponse;
import org.bouncycastle.est.jcajce.JcaHttpAuthBuilder;
import org.bouncycastle.est.jcajce.JcaJceUtils;
import org.bouncycastle.est.jcajce.JsseESTServiceBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;

/**
 * Enrolls with BouncyCastle's EST client.
 *
 * <p>Arguments: HOST:PORT LABEL ROOT.pem enroll|reenroll|cacerts CSR.pem OUT.pem [PASSWORD | KEYSTORE.p12 PASSWORD].
 * Prints `issued`, `wait SECONDS` or `refused STATUS BODY`, or the number of CA certificates.
 */
public final class ESTClient {
    public static void main(String[] arguments) throws Exception {
        java.security.Security.addProvider(new BouncyCastleProvider());
        String operation = arguments[3];
        JsseESTServiceBuilder builder =
                new JsseESTServiceBuilder(
                        arguments[0], JcaJceUtils.getCertPathTrustManager(Set.of(anchor(arguments[2])), null));
        builder.withTimeout(20_000).addCipherSuites(suites()).withLabel(arguments[1]);
        if (operation.equals("reenroll")) {
            builder.withKeyManagers(keys(arguments[6], arguments[7].toCharArray()));
        }
        ESTService service = builder.build();
        if (operation.equals("cacerts")) {
            System.out.println(service.getCACerts().getCertificateStore().getMatches(null).size());
            return;
        }
        ESTAuth auth = null;
        if (operation.equals("enroll") && arguments.length > 6) {
            auth = new JcaHttpAuthBuilder(null, "device", arguments[6].toCharArray()).setProvider("BC").build();
        }
        PKCS10CertificationRequest request;
        try (PEMParser parser = new PEMParser(new FileReader(arguments[4]))) {
            request = (PKCS10CertificationRequest) parser.readObject();
        }
        try {
            EnrollmentResponse response = service.simpleEnroll(operation.equals("reenroll"), request, auth);
            if (!response.isCompleted()) {
                long seconds = Math.round((response.getNotBefore() - System.currentTimeMillis()) / 1000.0);
                System.out.println("wait " + seconds);
                return;
            }
            try (JcaPEMWriter writer = new JcaPEMWriter(new FileWriter(arguments[5]))) {
                for (X509CertificateHolder each : response.getStore().getMatches(null)) {
                    writer.writeObject(each);
                }
            }
            System.out.println("issued");
        } catch (ESTException refusal) {
            String body = refusal.getBody() == null ? "" : new String(refusal.getBody().readAllBytes(), "UTF-8");
            System.out.println("refused " + refusal.getStatusCode() + " " + body.trim());
        }
    }

    private static TrustAnchor anchor(String path) throws Exception {
        try (FileInputStream file = new FileInputStream(path)) {
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            return new TrustAnchor((X509Certificate) factory.generateCertificate(file), null);
        }
    }

    private static javax.net.ssl.KeyManager[] keys(String path, char[] password) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (FileInputStream file = new FileInputStream(path)) {
            store.load(file, password);
        }
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, password);
        return factory.getKeyManagers();
    }

    private static String[] suites() throws Exception {
        return javax.net.ssl.SSLContext.getDefault().getSupportedSSLParameters().getCipherSuites();
    }
}
