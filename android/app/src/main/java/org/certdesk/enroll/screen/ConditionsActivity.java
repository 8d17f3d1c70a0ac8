package org.certdesk.enroll.screen;

import android.app.admin.DevicePolicyManager;
import android.content.ActivityNotFoundException;
import android.content.Intent;
import android.provider.Settings;
import android.text.TextUtils;
import java.util.EnumSet;
import java.util.List;
import org.certdesk.enroll.Conditions;
import org.certdesk.enroll.R;
import org.certdesk.enroll.core.Enrollment;
import org.certdesk.enroll.core.Enrollment.Stage;

/** What the device must be like, how it is, and how to change that. */
public final class ConditionsActivity extends Screen {
    @Override
    protected int layout() {
        return R.layout.conditions;
    }

    @Override
    protected EnumSet<Stage> stages() {
        return EnumSet.of(Stage.FORM, Stage.PENDING, Stage.DECLINED);
    }

    @Override
    protected void wire() {
        onClick(R.id.lock_button, this::openLockSetting);
        onClick(R.id.go_on, () -> go(new Intent(this, RequestActivity.class)));
    }

    @Override
    protected void show(Enrollment enrollment) {
        Conditions conditions = app().conditions();
        boolean locked = conditions.hasScreenLock();
        List<String> signs = conditions.rootSigns();
        tell(R.id.lock, locked, getString(locked ? R.string.condition_lock_set : R.string.condition_lock_missing));
        text(R.id.lock_text, locked ? null : getString(R.string.condition_lock_why));
        visible(R.id.lock_button, !locked);
        tell(
                R.id.root,
                signs.isEmpty(),
                signs.isEmpty()
                        ? getString(R.string.condition_root_none)
                        : getString(R.string.condition_root_signs, TextUtils.join(", ", signs)));
        text(R.id.root_text, signs.isEmpty() ? null : getString(R.string.condition_root_why));
        findViewById(R.id.go_on).setEnabled(locked && signs.isEmpty());
    }

    private void tell(int id, boolean good, String text) {
        Fact fact = findViewById(id);
        fact.set((good ? "✓ " : "✗ ") + text);
        fact.setColor(good ? R.color.good : R.color.bad);
    }

    private void openLockSetting() {
        try {
            startActivity(new Intent(DevicePolicyManager.ACTION_SET_NEW_PASSWORD));
        } catch (ActivityNotFoundException notHere) {
            startActivity(new Intent(Settings.ACTION_SECURITY_SETTINGS));
        }
    }
}
