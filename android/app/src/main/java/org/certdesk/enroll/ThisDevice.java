package org.certdesk.enroll;

import android.content.Context;
import android.content.pm.PackageManager;
import android.os.Build;
import android.provider.Settings;
import java.nio.charset.Charset;
import org.certdesk.enroll.core.DeviceReport;
import org.certdesk.enroll.core.Digests;

/** What Android tells of this device. */
final class ThisDevice implements DeviceReport {
    private static final int LONGEST = 128;

    private final Context context;
    private final Conditions conditions;

    ThisDevice(Context context, Conditions conditions) {
        this.context = context;
        this.conditions = conditions;
    }

    /** Hashes Android's ID, which is this app's own and outlives reinstallation, with the organisation's code. */
    @Override
    public String id(String organisation) {
        String id = Settings.Secure.getString(context.getContentResolver(), Settings.Secure.ANDROID_ID);
        String text = "certdesk device " + organisation + " " + (id == null ? Build.FINGERPRINT : id);
        return Digests.hex(Digests.sha256(text.getBytes(Charset.forName("UTF-8")))).substring(0, 32);
    }

    @Override
    public String model() {
        return cut(Build.MANUFACTURER + " " + Build.MODEL);
    }

    @Override
    public String platform() {
        return cut("Android " + Build.VERSION.RELEASE);
    }

    @Override
    public boolean hasScreenLock() {
        return conditions.hasScreenLock();
    }

    @Override
    public boolean isRooted() {
        return !conditions.rootSigns().isEmpty();
    }

    @Override
    public String app() {
        try {
            return "Enroll " + context.getPackageManager().getPackageInfo(context.getPackageName(), 0).versionName;
        } catch (PackageManager.NameNotFoundException impossible) {
            return "Enroll";
        }
    }

    private static String cut(String text) {
        return text.substring(0, Math.min(LONGEST, text.length()));
    }
}
