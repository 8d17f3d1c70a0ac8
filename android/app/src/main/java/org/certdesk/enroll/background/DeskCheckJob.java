package org.certdesk.enroll.background;

import android.app.job.JobParameters;
import android.app.job.JobService;
import org.certdesk.enroll.EnrollApplication;
import org.certdesk.enroll.core.Enrollment;
import org.certdesk.enroll.core.Failure;
import org.certdesk.enroll.core.Workflow;

/** Asks the desk while nobody is looking, and renews when it is time. */
public final class DeskCheckJob extends JobService {
    @Override
    public boolean onStartJob(JobParameters parameters) {
        Workflow workflow = ((EnrollApplication) getApplication()).workflow();
        new Thread(() -> {
                    boolean again = !look(workflow);
                    jobFinished(parameters, again);
                })
                .start();
        return true;
    }

    /** Returns whether the desk could be asked. */
    private boolean look(Workflow workflow) {
        boolean asked = true;
        try {
            Enrollment.Stage before = workflow.load().stage();
            try {
                workflow.check();
                if (workflow.isRenewalDue()) {
                    workflow.renew();
                }
            } catch (Failure failure) {
                asked = failure.reason != Failure.Reason.UNREACHABLE;
            }
            Enrollment now = workflow.load();
            Reminders.tell(this, before, now, workflow.isRenewalDue());
            Reminders.plan(this, now.stage());
        } catch (Failure unreadable) {
            return true; // the next start of the app says so
        }
        return asked;
    }

    @Override
    public boolean onStopJob(JobParameters parameters) {
        return true; // whatever was going on is safe to be done again
    }
}
