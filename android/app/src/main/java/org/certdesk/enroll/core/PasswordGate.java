package org.certdesk.enroll.core;

import org.certdesk.enroll.core.Failure.Reason;

/** Makes whoever guesses the registration password wait, longer each time: screens and sibling apps share the count. */
final class PasswordGate {
    private static final int FREE_TRIES = 3;
    private static final int LONGEST_SECONDS = 15 * 60;

    /** What is behind the gate. */
    interface Attempt<T> {
        T with(String password) throws Failure;
    }

    private final EnrollmentFile file;
    private final Clock clock;

    PasswordGate(EnrollmentFile file, Clock clock) {
        this.file = file;
        this.clock = clock;
    }

    /** Tries a password; a wrong one is counted before anybody hears that it was wrong. */
    synchronized <T> T pass(String password, Attempt<T> attempt) throws Failure {
        int failures = checkWait();
        file.write((failures + 1) + " " + clock.now());
        T result;
        try {
            result = attempt.with(Password.prepare(password));
        } catch (Failure failure) {
            if (failure.reason != Reason.WRONG_PASSWORD) {
                file.write(failures + " 0");
            }
            throw failure;
        }
        file.write("0 0");
        return result;
    }

    private int checkWait() throws Failure {
        String[] words = file.read().split(" ");
        if (words.length != 2) {
            return 0;
        }
        int failures = Integer.parseInt(words[0]);
        long since = clock.now() - Long.parseLong(words[1]);
        long wait = seconds(failures) * 1000L;
        if (since < 0) { // the clock was set back: wait the whole time, but not until the clock has caught up
            file.write(failures + " " + clock.now());
            since = 0;
        }
        if (since < wait) {
            throw new Failure(Reason.WAIT, (int) Math.ceil((wait - since) / 1000.0));
        }
        return failures;
    }

    private static int seconds(int failures) {
        if (failures < FREE_TRIES) {
            return 0;
        }
        return (int) Math.min(LONGEST_SECONDS, 2L << Math.min(failures - FREE_TRIES, 20));
    }
}
