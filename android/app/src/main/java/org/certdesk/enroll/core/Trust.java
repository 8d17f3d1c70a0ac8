package org.certdesk.enroll.core;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Collections;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.certdesk.enroll.core.Failure.Reason;

/** Whom to believe that it is the desk. Host names are checked in every case, by HttpsURLConnection. */
public final class Trust {
    private Trust() {}

    /** Trusts the system's certification authorities. */
    static SSLSocketFactory system() throws Failure {
        return of(Collections.<byte[]>emptyList(), true);
    }

    /** Trusts these anchors (DER), and the system's too if it is wanted. */
    static SSLSocketFactory of(List<byte[]> anchors, boolean system) throws Failure {
        try {
            X509TrustManager own = anchors.isEmpty() ? null : managerOf(keyStore(anchors));
            return factory(new AnchorsThenSystem(own, system ? managerOf(null) : null));
        } catch (GeneralSecurityException | IOException unusable) {
            throw new Failure(Reason.DEFECT).causedBy(unusable);
        }
    }

    /**
     * Trusts anybody: only to read settings whose anchor a fingerprint vouches for, before they are fetched again from
     * someone who has proved to be that anchor's.
     */
    static SSLSocketFactory unsafeAnybody() throws Failure {
        try {
            return factory(new Anybody());
        } catch (GeneralSecurityException unusable) {
            throw new Failure(Reason.DEFECT).causedBy(unusable);
        }
    }

    private static SSLSocketFactory factory(TrustManager manager) throws GeneralSecurityException {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {manager}, null);
        return context.getSocketFactory();
    }

    private static KeyStore keyStore(List<byte[]> anchors) throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        CertificateFactory certificates = CertificateFactory.getInstance("X.509");
        for (int at = 0; at < anchors.size(); at++) {
            store.setCertificateEntry(
                    "anchor " + at, certificates.generateCertificate(new ByteArrayInputStream(anchors.get(at))));
        }
        return store;
    }

    private static X509TrustManager managerOf(KeyStore store) throws GeneralSecurityException {
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        for (TrustManager manager : factory.getTrustManagers()) {
            if (manager instanceof X509TrustManager) {
                return (X509TrustManager) manager;
            }
        }
        throw new GeneralSecurityException("no trust manager for X.509");
    }

    private static final class AnchorsThenSystem implements X509TrustManager {
        private final X509TrustManager anchors;
        private final X509TrustManager system;

        AnchorsThenSystem(X509TrustManager anchors, X509TrustManager system) {
            this.anchors = anchors;
            this.system = system;
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            try {
                if (anchors != null) {
                    anchors.checkServerTrusted(chain, authType);
                    return;
                }
            } catch (CertificateException untrusted) {
                if (system == null) {
                    throw untrusted;
                }
            }
            system.checkServerTrusted(chain, authType);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            throw new CertificateException("this is no server");
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }

    private static final class Anybody implements X509TrustManager {
        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            throw new CertificateException("this is no server");
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
