package org.certdesk.enroll.background;

import android.app.Notification;
import android.app.NotificationChannel;
import android.app.NotificationManager;
import android.app.PendingIntent;
import android.app.job.JobInfo;
import android.app.job.JobScheduler;
import android.content.ComponentName;
import android.content.Context;
import android.content.Intent;
import android.os.Build;
import org.certdesk.enroll.R;
import org.certdesk.enroll.Sentences;
import org.certdesk.enroll.core.Enrollment;
import org.certdesk.enroll.screen.StartActivity;

/** Looking at the desk from time to time, and telling what is new. */
public final class Reminders {
    private static final int JOB = 1;
    private static final int NOTICE = 1;
    private static final String CHANNEL = "certificate";
    private static final long QUARTER_OF_AN_HOUR = 15 * 60 * 1000L;
    private static final long HALF_A_DAY = 12 * 60 * 60 * 1000L;

    private Reminders() {}

    /** Makes the channel that notices come by. */
    public static void prepare(Context context) {
        if (Build.VERSION.SDK_INT >= 26) {
            notices(context).createNotificationChannel(new NotificationChannel(
                    CHANNEL, context.getString(R.string.channel), NotificationManager.IMPORTANCE_DEFAULT));
        }
    }

    /** Plans the looks that the stage needs: often while somebody is to decide, twice a day afterwards, or none. */
    public static void plan(Context context, Enrollment.Stage stage) {
        JobScheduler jobs = (JobScheduler) context.getSystemService(Context.JOB_SCHEDULER_SERVICE);
        long period = period(stage);
        JobInfo planned = pending(jobs);
        if (period == 0) {
            jobs.cancel(JOB);
        } else if (planned == null || planned.getIntervalMillis() != period) {
            jobs.schedule(new JobInfo.Builder(JOB, new ComponentName(context, DeskCheckJob.class))
                    .setPeriodic(period)
                    .setPersisted(true)
                    .setRequiredNetworkType(JobInfo.NETWORK_TYPE_ANY)
                    .build());
        }
    }

    private static long period(Enrollment.Stage stage) {
        switch (stage) {
            case UNSENT:
            case PENDING:
                return QUARTER_OF_AN_HOUR;
            case INSTALL:
            case ENROLLED:
                return HALF_A_DAY;
            default:
                return 0;
        }
    }

    private static JobInfo pending(JobScheduler jobs) {
        for (JobInfo job : jobs.getAllPendingJobs()) {
            if (job.getId() == JOB) {
                return job;
            }
        }
        return null;
    }

    /** Tells what the user should know of, if there is anything since {@code before}. */
    static void tell(Context context, Enrollment.Stage before, Enrollment now, boolean expiring) {
        if (now.stage() == Enrollment.Stage.INSTALL) {
            notify(context, context.getString(R.string.notice_ready)); // again every time, until it is done
        } else if (now.stage() == Enrollment.Stage.DECLINED && before != now.stage()) {
            notify(context, context.getString(R.string.notice_declined));
        } else if (expiring) {
            notify(
                    context,
                    context.getString(R.string.notice_expiring, Sentences.date(context, now.issued.notAfter())));
        }
    }

    /** Takes the notice away: the app is open. */
    public static void clear(Context context) {
        notices(context).cancel(NOTICE);
    }

    private static void notify(Context context, String sentence) {
        Intent open = new Intent(context, StartActivity.class).addFlags(Intent.FLAG_ACTIVITY_NEW_TASK);
        Notification.Builder notice =
                Build.VERSION.SDK_INT >= 26 ? new Notification.Builder(context, CHANNEL) : new Notification.Builder(context);
        notice.setSmallIcon(R.drawable.ic_badge)
                .setContentTitle(sentence)
                .setContentText(context.getString(R.string.notice_open))
                .setContentIntent(PendingIntent.getActivity(context, 0, open, PendingIntent.FLAG_IMMUTABLE))
                .setAutoCancel(true)
                .setOnlyAlertOnce(true);
        notices(context).notify(NOTICE, notice.build());
    }

    private static NotificationManager notices(Context context) {
        return (NotificationManager) context.getSystemService(Context.NOTIFICATION_SERVICE);
    }
}
