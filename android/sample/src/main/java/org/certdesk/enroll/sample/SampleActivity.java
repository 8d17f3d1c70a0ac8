package org.certdesk.enroll.sample;

import android.app.Activity;
import android.os.Bundle;
import android.view.WindowManager;
import android.widget.EditText;
import android.widget.TextView;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;

/** Asks for the registration password and shows whose certificate it opens. */
public final class SampleActivity extends Activity {
    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        getWindow().addFlags(WindowManager.LayoutParams.FLAG_SECURE);
        setContentView(R.layout.sample);
        EditText password = findViewById(R.id.password);
        findViewById(R.id.use).setOnClickListener(button -> {
            String typed = password.getText().toString();
            new Thread(() -> use(typed)).start();
        });
    }

    private void use(String password) {
        String outcome;
        try {
            KeyStore store = Credential.load(this, password);
            X509Certificate certificate = (X509Certificate) store.getCertificate(store.aliases().nextElement());
            Credential.tls(store, password);
            outcome = certificate.getSubjectX500Principal().getName();
        } catch (Credential.RefusedException | GeneralSecurityException | IOException refused) {
            outcome = refused.getMessage();
        }
        String shown = outcome;
        runOnUiThread(() -> ((TextView) findViewById(R.id.outcome)).setText(shown));
    }
}
