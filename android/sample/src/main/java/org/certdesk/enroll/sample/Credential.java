package org.certdesk.enroll.sample;

import android.content.Context;
import android.net.Uri;
import android.os.Bundle;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** What a sibling app needs to use the device's certificate: one file, to be copied. See docs/apps.md. */
public final class Credential {
    private static final Uri ENROLL = Uri.parse("content://org.certdesk.enroll.credential");

    private Credential() {}

    /** Enroll did not hand the credential over. */
    public static final class RefusedException extends Exception {
        private static final long serialVersionUID = 1;

        /** not-enrolled, wrong-password, wait, or unavailable. */
        public final String error;
        /** How long to wait, if it is wait. */
        public final int seconds;

        RefusedException(Bundle answer) {
            super(answer.getString("message", answer.getString("error"))); // a sentence in the user's language
            error = answer.getString("error");
            seconds = answer.getInt("seconds");
        }
    }

    /** Returns the key store with the device's key and certificate. It takes about a second: not on the main thread. */
    public static KeyStore load(Context context, String password)
            throws RefusedException, GeneralSecurityException, IOException {
        Bundle extras = new Bundle();
        extras.putString("password", password);
        Bundle answer = context.getContentResolver().call(ENROLL, "credential", null, extras);
        if (answer == null || answer.containsKey("error")) {
            throw new RefusedException(answer == null ? new Bundle() : answer);
        }
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(new ByteArrayInputStream(answer.getByteArray("pkcs12")), password.toCharArray());
        return store;
    }

    /** Returns a TLS context that shows the certificate, for HttpsURLConnection or any other client. */
    public static SSLContext tls(KeyStore store, String password) throws GeneralSecurityException {
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, password.toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        return context;
    }
}
