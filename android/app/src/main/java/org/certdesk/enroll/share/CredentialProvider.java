package org.certdesk.enroll.share;

import android.content.ContentProvider;
import android.content.ContentValues;
import android.database.Cursor;
import android.net.Uri;
import android.os.Bundle;
import org.certdesk.enroll.EnrollApplication;
import org.certdesk.enroll.Sentences;
import org.certdesk.enroll.core.Enrollment;
import org.certdesk.enroll.core.Failure;
import org.certdesk.enroll.core.Workflow;

/**
 * Gives sibling apps, which are signed with the same key, the certificate and its key: see docs/apps.md.
 *
 * <p>The manifest's permission keeps everybody else out; the password keeps siblings out that the user has not chosen.
 */
public final class CredentialProvider extends ContentProvider {
    @Override
    public boolean onCreate() {
        return true;
    }

    @Override
    public Bundle call(String method, String argument, Bundle extras) {
        Workflow workflow = ((EnrollApplication) getContext().getApplicationContext()).workflow();
        Bundle answer = new Bundle();
        try {
            Enrollment enrollment = workflow.load();
            if (enrollment.issued == null || !enrollment.issued.hasPkcs12()) {
                answer.putString("error", "not-enrolled");
            } else if ("certificate".equals(method)) {
                answer.putByteArray("certificate", enrollment.issued.der());
                answer.putLong("not_after", enrollment.issued.notAfter().getTime());
            } else if ("credential".equals(method)) {
                String password = extras == null ? null : extras.getString("password");
                answer.putByteArray("pkcs12", workflow.credential(password == null ? "" : password));
            } else {
                answer.putString("error", "unknown-method");
            }
        } catch (Failure failure) {
            describe(failure, answer);
        }
        return answer;
    }

    private void describe(Failure failure, Bundle answer) {
        switch (failure.reason) {
            case WRONG_PASSWORD:
                answer.putString("error", "wrong-password");
                break;
            case WAIT:
                answer.putString("error", "wait");
                answer.putInt("seconds", (Integer) failure.values[0]);
                break;
            default:
                answer.putString("error", "unavailable");
        }
        answer.putString("message", Sentences.of(getContext(), failure));
    }

    // There are no rows here.

    @Override
    public Cursor query(Uri uri, String[] columns, String where, String[] arguments, String order) {
        return null;
    }

    @Override
    public String getType(Uri uri) {
        return null;
    }

    @Override
    public Uri insert(Uri uri, ContentValues values) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int delete(Uri uri, String where, String[] arguments) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int update(Uri uri, ContentValues values, String where, String[] arguments) {
        throw new UnsupportedOperationException();
    }
}
