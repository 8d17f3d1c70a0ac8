package org.certdesk.enroll.screen;

import android.content.ClipData;
import android.content.ClipboardManager;
import android.content.Context;
import android.content.Intent;
import java.util.EnumSet;
import org.certdesk.enroll.R;
import org.certdesk.enroll.core.Enrollment;
import org.certdesk.enroll.core.Enrollment.Stage;

/** The first window: whose device this is to be, and the registration password. */
public final class SettingsActivity extends Screen {
    @Override
    protected int layout() {
        return R.layout.settings;
    }

    @Override
    protected EnumSet<Stage> stages() {
        return EnumSet.of(Stage.SETTINGS);
    }

    @Override
    protected void wire() {
        wireReveal();
        onClick(R.id.paste, this::paste);
        onClick(R.id.go_on, this::goOn);
    }

    @Override
    protected void onNewIntent(Intent intent) {
        super.onNewIntent(intent);
        setIntent(intent);
        takeLink();
    }

    @Override
    protected void show(Enrollment enrollment) {
        if (!wasShown() && field(R.id.url).text().isEmpty()) {
            field(R.id.url).setText(enrollment.settingsUrl);
            takeLink();
        }
    }

    /** Shows an address that came as a link; what is fetched from where stays the user's decision. */
    private void takeLink() {
        if (getIntent().getData() != null) {
            field(R.id.url).setText(getIntent().getDataString());
        }
    }

    private void paste() {
        ClipboardManager clipboard = (ClipboardManager) getSystemService(Context.CLIPBOARD_SERVICE);
        ClipData clip = clipboard.getPrimaryClip();
        if (clip != null && clip.getItemCount() > 0) {
            field(R.id.url).setText(clip.getItemAt(0).coerceToText(this).toString().trim());
        }
    }

    private void goOn() {
        if (NewPassword.check(this)) {
            String url = field(R.id.url).text();
            String password = field(R.id.password).text();
            begin(workflow -> workflow.configure(url, password));
        }
    }
}
