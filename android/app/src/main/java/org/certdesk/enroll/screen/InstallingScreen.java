package org.certdesk.enroll.screen;

import android.content.ActivityNotFoundException;
import android.content.Intent;
import android.security.KeyChain;
import org.certdesk.enroll.R;
import org.certdesk.enroll.core.Failure;
import org.certdesk.enroll.core.Workflow;

/** A screen that ends with Android's own window, which installs the certificate in the credential store. */
abstract class InstallingScreen extends Screen {
    private static final int CREDENTIAL_STORE = 1;

    private byte[] pkcs12;

    /** What leads to a PKCS#12 file. */
    interface Installation {
        byte[] run(Workflow workflow) throws Failure;
    }

    /** Does the work, then hands its outcome over. */
    protected void install(Installation installation) {
        begin(workflow -> {
            byte[] made = installation.run(workflow);
            runOnUiThread(() -> pkcs12 = made);
        });
    }

    @Override
    public void onWork() {
        byte[] ready = pkcs12;
        if (ready != null && !work().isBusy()) {
            pkcs12 = null;
            handOver(ready);
        } else {
            super.onWork();
        }
    }

    private void handOver(byte[] file) {
        try {
            Intent install = KeyChain.createInstallIntent()
                    .putExtra(KeyChain.EXTRA_PKCS12, file)
                    .putExtra(KeyChain.EXTRA_NAME, getString(R.string.app_name) + " " + workflow().load().issued.requestId);
            startActivityForResult(install, CREDENTIAL_STORE);
        } catch (ActivityNotFoundException noStore) {
            notInSystem();
        } catch (Failure failure) {
            tell(failure);
        }
    }

    @Override
    protected void onActivityResult(int request, int result, Intent data) {
        super.onActivityResult(request, result, data);
        if (request == CREDENTIAL_STORE) {
            if (result == RESULT_OK) {
                finishInstallation(true);
            } else {
                notInSystem();
            }
        }
    }

    /** Offers to do without Android's store. */
    protected abstract void notInSystem();

    protected void finishInstallation(boolean inSystem) {
        begin(workflow -> {
            workflow.installed(inSystem);
            try {
                workflow.check(); // tells the desk
            } catch (Failure later) {
                // The next look tells it; here the certificate is in use already.
            }
        });
    }
}
