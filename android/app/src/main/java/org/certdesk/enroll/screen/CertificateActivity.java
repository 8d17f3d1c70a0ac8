package org.certdesk.enroll.screen;

import android.content.Intent;
import java.util.EnumSet;
import org.certdesk.enroll.R;
import org.certdesk.enroll.Sentences;
import org.certdesk.enroll.core.Enrollment;
import org.certdesk.enroll.core.Enrollment.Stage;
import org.certdesk.enroll.core.Issued;

/** The device is enrolled: its certificate in every detail. */
public final class CertificateActivity extends Screen {
    @Override
    protected int layout() {
        return R.layout.certificate;
    }

    @Override
    protected EnumSet<Stage> stages() {
        return EnumSet.of(Stage.ENROLLED);
    }

    @Override
    protected void wire() {
        onClick(R.id.renew, () -> startActivity(new Intent(this, RenewalActivity.class)));
        onClick(R.id.change_password, () -> startActivity(new Intent(this, PasswordActivity.class)));
        onClick(R.id.system_again, () -> startActivity(
                new Intent(this, RenewalActivity.class).putExtra(RenewalActivity.ONLY_INSTALL, true)));
        onClick(R.id.check, this::look);
        wireStartOver(R.id.start_over);
    }

    @Override
    protected void onResume() {
        super.onResume();
        lookOnce();
    }

    @Override
    protected void show(Enrollment enrollment) {
        Issued issued = enrollment.issued;
        long now = app().clock().now();
        boolean due = issued.isRenewalDue(now);
        text(R.id.intro, getString(R.string.enrolled_intro));
        text(
                R.id.expiry,
                issued.isExpired(now)
                        ? getString(R.string.expired)
                        : due ? getString(R.string.expires_soon) : null);
        visible(R.id.renew, due && !issued.isExpired(now));
        fact(R.id.subject, issued.subject());
        fact(R.id.issuer, issued.issuer());
        fact(R.id.serial_number, issued.serialNumber());
        fact(R.id.valid_from, Sentences.date(this, issued.notBefore()));
        fact(R.id.valid_until, Sentences.date(this, issued.notAfter()));
        fact(R.id.fingerprint, inPairs(issued.fingerprint()));
        fact(R.id.request, issued.requestId);
        fact(R.id.system, getString(issued.inSystem ? R.string.yes : R.string.no));
    }

    private static String inPairs(String digits) {
        return digits.replaceAll("(..)(?!$)", "$1 ");
    }
}
