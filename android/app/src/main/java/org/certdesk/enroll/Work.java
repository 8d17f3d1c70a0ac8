package org.certdesk.enroll;

import android.os.Handler;
import android.os.Looper;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.certdesk.enroll.core.Failure;
import org.certdesk.enroll.core.Workflow;

/**
 * What takes its time, done one after the other beside the main thread.
 *
 * <p>It belongs to the process and not to a screen: a screen that is turned or left finds the work going on, and its
 * outcome in what the workflow has written.
 */
public final class Work {
    /** A piece of work. */
    public interface Task {
        void run(Workflow workflow) throws Failure;
    }

    /** The screen in front. */
    public interface Observer {
        /** Called on the main thread when work has begun or ended. */
        void onWork();
    }

    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final Handler main = new Handler(Looper.getMainLooper());
    private final Workflow workflow;
    private Observer observer;
    private boolean busy;
    private boolean looked;
    private Failure failure;

    public Work(Workflow workflow) {
        this.workflow = workflow;
    }

    /** Begins, unless something is going on already: a second tap does nothing. */
    public void begin(final Task task) {
        if (busy) {
            return;
        }
        busy = true;
        failure = null;
        tell();
        thread.execute(() -> {
            final Failure outcome = outcomeOf(task);
            main.post(() -> {
                busy = false;
                failure = outcome;
                tell();
            });
        });
    }

    private Failure outcomeOf(Task task) {
        try {
            task.run(workflow);
            return null;
        } catch (Failure expected) {
            return expected;
        } catch (RuntimeException defect) {
            return new Failure(Failure.Reason.DEFECT).causedBy(defect);
        }
    }

    public boolean isBusy() {
        return busy;
    }

    /** Returns true once in the life of the process: at every start of the app the desk is asked by itself. */
    public boolean claimFirstLook() {
        boolean first = !looked && !busy;
        looked = true;
        return first;
    }

    /** Tells whether the desk has answered that it will not, which {@link #takeFailure} then explains. */
    public boolean wasRefused() {
        return failure != null && failure.reason == Failure.Reason.REFUSED;
    }

    /** Returns why the last work did not succeed, once. */
    public Failure takeFailure() {
        Failure taken = failure;
        failure = null;
        return taken;
    }

    public void observe(Observer screen) {
        observer = screen;
    }

    public void forget(Observer screen) {
        if (observer == screen) {
            observer = null;
        }
    }

    private void tell() {
        if (observer != null) {
            observer.onWork();
        }
    }
}
