package org.certdesk.enroll;

import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Collections;
import java.util.Locale;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;
import org.json.JSONObject;

/** A registration manager, who decides over the real desk's API with a client certificate. */
final class Manager {
    static final String DESK = System.getProperty("desk.url");

    private final SSLSocketFactory sockets;

    Manager() {
        try {
            sockets = sockets();
        } catch (Exception defect) {
            throw new AssertionError(defect);
        }
    }

    private static SSLSocketFactory sockets() throws Exception {
        char[] password = System.getProperty("manager.password").toCharArray();
        KeyStore own = KeyStore.getInstance("PKCS12");
        try (InputStream file = new FileInputStream(System.getProperty("manager.pkcs12"))) {
            own.load(file, password);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(own, password);
        KeyStore anchors = KeyStore.getInstance("PKCS12");
        anchors.load(null, null);
        try (InputStream root = new FileInputStream(System.getProperty("desk.root"))) {
            anchors.setCertificateEntry(
                    "root", CertificateFactory.getInstance("X.509").generateCertificate(root));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(anchors);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context.getSocketFactory();
    }

    JSONObject approve(String requestId) throws Exception {
        return call("POST", "/api/v1/requests/" + requestId + "/approve", "{}");
    }

    JSONObject reject(String requestId, String reason) throws Exception {
        return call(
                "POST", "/api/v1/requests/" + requestId + "/reject", new JSONObject(Collections.singletonMap("reason", reason)).toString());
    }

    JSONObject request(String requestId) throws Exception {
        return call("GET", "/api/v1/requests/" + requestId, null);
    }

    JSONObject waiting() throws Exception {
        return call("GET", "/api/v1/requests?state=requested", null);
    }

    private JSONObject call(String method, String path, String body) throws Exception {
        HttpsURLConnection connection = (HttpsURLConnection) new URL(DESK + path).openConnection();
        connection.setSSLSocketFactory(sockets);
        connection.setRequestMethod(method);
        if (body != null) {
            connection.setDoOutput(true);
            connection.setRequestProperty("Content-Type", "application/json");
            connection.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
        }
        int status = connection.getResponseCode();
        try (InputStream stream = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            ByteArrayOutputStream text = new ByteArrayOutputStream();
            byte[] piece = new byte[4096];
            for (int count = stream.read(piece); count >= 0; count = stream.read(piece)) {
                text.write(piece, 0, count);
            }
            if (status >= 400) {
                throw new AssertionError(String.format(Locale.ROOT, "%s %d %s", path, status, text));
            }
            return new JSONObject(text.toString("UTF-8"));
        }
    }
}
