package org.certdesk.enroll;

import android.app.Application;
import android.content.pm.ApplicationInfo;
import org.certdesk.enroll.background.Reminders;
import org.certdesk.enroll.core.Clock;
import org.certdesk.enroll.core.DeviceReport;
import org.certdesk.enroll.core.Seal;
import org.certdesk.enroll.core.Workflow;

/** Puts the app together: the only place that does. */
public class EnrollApplication extends Application {
    private Workflow workflow;
    private Conditions conditions;
    private Work work;
    private Clock clock;

    @Override
    public void onCreate() {
        super.onCreate();
        clock = newClock();
        conditions = newConditions();
        // noBackupFilesDir is left out of every backup, whatever the system's maker thinks of allowBackup.
        workflow = new Workflow(getNoBackupFilesDir(), newDeviceReport(), newSeal(), clock, isDebuggable());
        work = new Work(workflow);
        Reminders.prepare(this);
    }

    protected Seal newSeal() {
        return new KeyStoreSeal();
    }

    protected Clock newClock() {
        return new Clock() {
            @Override
            public long now() {
                return System.currentTimeMillis();
            }

            @Override
            public void pause(long milliseconds) throws InterruptedException {
                Thread.sleep(milliseconds);
            }
        };
    }

    protected Conditions newConditions() {
        return new Conditions(this);
    }

    protected DeviceReport newDeviceReport() {
        return new ThisDevice(this, conditions);
    }

    private boolean isDebuggable() {
        return (getApplicationInfo().flags & ApplicationInfo.FLAG_DEBUGGABLE) != 0;
    }

    public Workflow workflow() {
        return workflow;
    }

    public Conditions conditions() {
        return conditions;
    }

    public Clock clock() {
        return clock;
    }

    public Work work() {
        return work;
    }
}
