package org.certdesk.enroll;

import android.app.KeyguardManager;
import android.content.Context;
import android.content.pm.PackageManager;
import android.os.Build;
import java.io.File;
import java.util.ArrayList;
import java.util.List;

/**
 * Whether the device may hold a certificate: a screen lock, and no signs of rooting.
 *
 * <p>The signs are weak: who roots a device can hide them. The desk shows them as reported by the device.
 */
public class Conditions {
    private static final String[] PROGRAMS = {
        "/system/bin/su", "/system/xbin/su", "/sbin/su", "/su/bin/su", "/vendor/bin/su", "/system/sd/xbin/su",
        "/data/local/su", "/data/local/bin/su", "/data/local/xbin/su", "/sbin/.magisk", "/data/adb/magisk"
    };
    /** From Android 11 on, only those are found that stand in the manifest's queries too. */
    static final String[] PACKAGES = {
        "com.topjohnwu.magisk", "eu.chainfire.supersu", "com.koushikdutta.superuser", "com.noshufou.android.su",
        "com.thirdparty.superuser", "me.weishu.kernelsu"
    };

    private final Context context;

    public Conditions(Context context) {
        this.context = context;
    }

    public boolean hasScreenLock() {
        KeyguardManager keyguard = (KeyguardManager) context.getSystemService(Context.KEYGUARD_SERVICE);
        return keyguard.isDeviceSecure();
    }

    /** Returns the signs of rooting that were found, as a file, a package or a build tag each. */
    public List<String> rootSigns() {
        List<String> signs = new ArrayList<>();
        if (Build.TAGS != null && Build.TAGS.contains("test-keys")) {
            signs.add("test-keys");
        }
        for (String program : PROGRAMS) {
            if (new File(program).exists()) {
                signs.add(program);
            }
        }
        for (String name : PACKAGES) {
            if (isInstalled(name)) {
                signs.add(name);
            }
        }
        return signs;
    }

    private boolean isInstalled(String name) {
        try {
            context.getPackageManager().getPackageInfo(name, 0);
            return true;
        } catch (PackageManager.NameNotFoundException absent) {
            return false;
        }
    }

    public boolean areMet() {
        return hasScreenLock() && rootSigns().isEmpty();
    }
}
